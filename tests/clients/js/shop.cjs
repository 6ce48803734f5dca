// A user's program without any OpenTelemetry code: Node.js loads the automatic instrumentation before
// it. Run by tests/clients/run.py.
//
//     shop.cjs NUMBER      sends NUMBER checkouts to a server in this process, which calls itself again

const http = require("node:http");

const server = http.createServer(async (request, response) => {
  if (request.url === "/checkout") await get("/stock/7");
  response.end("placed");
});

/** Sends a GET request. Resolves to the status of the response. */
const get = (path) =>
  new Promise((resolve, reject) => {
    const { port } = server.address();
    const request = http.get({ port, path, agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    request.on("error", reject);
  });

server.listen(0, async () => {
  for (let n = 0; n < Number(process.argv[2]); n += 1) await get("/checkout");
  server.close();
});
