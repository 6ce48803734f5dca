//! Links the modules that an entry imports into one script.
//!
//! Each module becomes a function that returns its exports. It is called when the module is first
//! imported, so modules are evaluated in the same order as in the browser. Forms that this cannot
//! express, such as a cycle or an exported variable that changes, are errors.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::syntax::{self, Module, RESERVED};
use crate::{CONFIG, read};

/// Definition of `$once`, which returns a function that evaluates its module on the first call
/// only.
const ONCE: &str =
    "const $once = (evaluate) => {\n  let exports;\n  return () => (exports ??= evaluate());\n};\n";

/// Returns the text of the module `entry` below `root` and of all modules that it imports.
///
/// # Errors
/// If a file cannot be read or linked. The message names the file.
pub(crate) fn linked(root: &Path, entry: &str) -> io::Result<String> {
    let mut linker = Linker {
        root,
        numbers: BTreeMap::new(),
        open: Vec::new(),
        text: format!("import * as $config from \"../{CONFIG}\";\n{ONCE}"),
    };
    let entry = PathBuf::from(entry);
    let source = read(&root.join(&entry))?;
    let module = syntax::parse(&source).map_err(|error| failed(&entry, &error))?;
    let body = linker.body(&entry, &module)?;
    linker.text.push_str(&body);
    syntax::check(&linker.text).map_err(|error| failed(&entry, &format!("as linked: {error}")))?;
    Ok(linker.text)
}

struct Linker<'a> {
    root: &'a Path,
    /// Numbers of the modules in `text`, by path below `root`.
    numbers: BTreeMap<PathBuf, usize>,
    /// Modules whose imports are being linked, from the entry on.
    open: Vec<PathBuf>,
    text: String,
}

impl Linker<'_> {
    /// Links everything that a module imports. Returns the text of the module itself.
    fn body(&mut self, path: &Path, module: &Module<'_>) -> io::Result<String> {
        if self.open.iter().any(|open| open == path) {
            return Err(failed(path, "imports itself through other modules"));
        }
        self.open.push(path.to_owned());
        for specifier in module.imports() {
            let imported = resolved(path, specifier)?;
            if imported != Path::new(CONFIG) && !self.numbers.contains_key(&imported) {
                self.add(imported)?;
            }
        }
        self.open.pop();
        let load = |specifier: &str| {
            let imported = resolved(path, specifier).unwrap_or_default();
            match self.numbers.get(&imported) {
                Some(number) => format!("{RESERVED}{number}()"),
                None => format!("{RESERVED}config"),
            }
        };
        Ok(module.replaced(load))
    }

    fn add(&mut self, path: PathBuf) -> io::Result<()> {
        let source = read(&self.root.join(&path))?;
        let module = syntax::parse(&source).map_err(|error| failed(&path, &error))?;
        let body = self.body(&path, &module)?;
        let number = self.numbers.len();
        let exports = module.exports().join(", ");
        let _ = write!(
            self.text,
            "const {RESERVED}{number} = $once(() => {{\n{body}return {{ {exports} }};\n}});\n"
        );
        self.numbers.insert(path, number);
        Ok(())
    }
}

/// Resolves a relative specifier to a path below the root.
fn resolved(importer: &Path, specifier: &str) -> io::Result<PathBuf> {
    let mut path = importer.parent().map(PathBuf::from).unwrap_or_default();
    let is_relative = specifier.starts_with("./") || specifier.starts_with("../");
    for part in Path::new(specifier).components() {
        let is_inside = match part {
            Component::CurDir => true,
            Component::ParentDir => path.pop(),
            Component::Normal(name) => {
                path.push(name);
                true
            }
            _ => false,
        };
        if !is_relative || !is_inside {
            let problem = format!("{specifier} is not a module of the dashboard");
            return Err(failed(importer, &problem));
        }
    }
    Ok(path)
}

fn failed(path: &Path, problem: &str) -> io::Error {
    io::Error::other(format!("{}: {problem}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Links `app/main.js` among these files.
    fn link(files: &[(&str, &str)]) -> Result<String, String> {
        let name = std::thread::current().name().unwrap().replace(':', "-");
        let root = std::env::temp_dir().join(format!("upblit-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let linked = linked(&root, "app/main.js");
        fs::remove_dir_all(root).unwrap();
        linked.map_err(|error| error.to_string())
    }

    #[test]
    fn modules_become_functions_in_the_order_of_their_imports() {
        let linked = link(&[
            (
                "app/main.js",
                "// The entry.\nimport { a as first, b } from \"./a.js\";\nimport * as c from \"./c/c.js\";\n\
                 import \"./d.js\";\nfirst(b, c);\n",
            ),
            (
                "app/a.js",
                "import { CONFIG } from \"../config.js\";\n\
                 /** Documented. */\nexport function a() {} // At the end.\nexport const b = CONFIG;\nconst own = 1;\n",
            ),
            (
                "app/c/c.js",
                "import { a } from \"../a.js\";\nexport class C {}\na();\n",
            ),
            ("app/d.js", "document.title = \"d\";\nexport {};\n"),
        ]);
        let expected = "const $0 = $once(() => {\nconst { CONFIG } = $config;\n\
            function a() {} \nconst b = CONFIG;\nconst own = 1;\nreturn { a, b };\n});\n\
            const $1 = $once(() => {\nconst { a } = $0();\nclass C {}\na();\nreturn { C };\n});\n\
            const $2 = $once(() => {\ndocument.title = \"d\";\n\nreturn {  };\n});\n\
            const { a: first, b } = $0();\nconst c = $1();\n$2();\nfirst(b, c);\n";
        let linked = linked.unwrap();
        assert_eq!(linked.split_once(ONCE).unwrap().1, expected);
        assert!(linked.starts_with("import * as $config from \"../config.js\";\n"));
    }

    #[test]
    fn an_awaited_import_evaluates_its_module_when_it_is_reached() {
        let linked = link(&[
            (
                "app/main.js",
                "before();\nconst { a } = await import(\"./a.js\");\n",
            ),
            ("app/a.js", "export const a = 1;\n"),
        ]);
        let linked = linked.unwrap();
        assert!(
            linked.ends_with("before();\nconst { a } = await $0();\n"),
            "{linked}"
        );
    }

    #[test]
    fn strings_that_look_like_modules_are_left_alone() {
        let text = "const code = `\nimport { x } from \"./nowhere.js\";\n// No comment.\n\nexport default x;\n`;\n\
            const more = \"/* none */\" + /[/*]/.source;\n";
        let linked = link(&[("app/main.js", text)]).unwrap();
        assert!(linked.ends_with(text), "{linked}");
    }

    #[test]
    fn what_cannot_be_linked_is_an_error_that_names_the_file() {
        for (text, problem) in [
            ("export let a = 1;", "app/a.js: line 1 has a form"),
            ("export default 1;", "app/a.js: line 1 has a form"),
            ("export const { a } = {};", "app/a.js: line 1 has a form"),
            ("export * from \"./b.js\";", "app/a.js: line 1 has a form"),
            ("const a = 1;\nexport { a };", "app/a.js: line 2 has a form"),
            ("import a from \"./b.js\";", "app/a.js: line 1 has a form"),
            (
                "a();\nimport { b } from \"./b.js\";",
                "app/a.js: line 2 has a form",
            ),
            ("import(\"./b.js\").then(a);", "app/a.js: line 1 has a form"),
            ("const $once = 1;", "app/a.js: line 1 has a form"),
            ("a(import.meta.url);", "app/a.js: line 1 has a form"),
            ("const = 1;", "app/a.js: syntax error in line 1"),
            ("import \"./main.js\";", "app/main.js: imports itself"),
            ("import \"./gone.js\";", "gone.js: No such file"),
            ("import \"b\";", "app/a.js: b is not a module"),
            (
                "import \"../../b.js\";",
                "app/a.js: ../../b.js is not a module",
            ),
        ] {
            let files = [
                ("app/main.js", "import \"./a.js\";\n"),
                ("app/b.js", ""),
                ("app/a.js", text),
            ];
            let error = link(&files).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
