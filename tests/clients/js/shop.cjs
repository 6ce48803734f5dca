// A program of a user, in which nothing is about OpenTelemetry: Node.js loads the automatic
// instrumentation before it. Run by tests/clients/run.py.
//
//     shop.cjs NUMBER      NUMBER checkouts at a server in this process, which asks another of its routes

const http = require("node:http");

const server = http.createServer(async (request, response) => {
  if (request.url === "/checkout") await get("/stock/7");
  response.end("placed");
});

/** The status of a GET. */
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
