//! An ES module: its imports and exports, and its text with these statements replaced.

use std::ops::Range;

use tree_sitter::{Node, Parser};

/// A parsed module.
pub(crate) struct Module<'a> {
    text: &'a str,
    edits: Vec<Edit>,
    exports: Vec<String>,
}

/// A part of the text, and its replacement.
struct Edit {
    range: Range<usize>,
    by: Replacement,
}

enum Replacement {
    Nothing,
    /// A statement or an expression that evaluates the module with this specifier.
    Load {
        specifier: String,
        before: String,
        after: &'static str,
    },
}

/// First character of the identifiers that the linker adds. Modules must not use it.
pub(crate) const RESERVED: char = '$';

/// Parses a module.
///
/// # Errors
/// If it has a syntax error, or a form of import or export that cannot be linked.
pub(crate) fn parse(text: &str) -> Result<Module<'_>, String> {
    let tree = tree(text)?;
    let mut module = Module {
        text,
        edits: Vec::new(),
        exports: Vec::new(),
    };
    let mut is_head = true;
    for node in children(tree.root_node()) {
        match node.kind() {
            "import_statement" if is_head => module.import(node)?,
            "import_statement" => return Err(module.unknown(node)),
            "export_statement" => module.export(node)?,
            _ => {}
        }
        is_head &= matches!(node.kind(), "import_statement" | "comment");
    }
    module.visit(tree.root_node())?;
    module.edits.sort_by_key(|edit| edit.range.start);
    Ok(module)
}

/// Checks that a text is a module without syntax errors.
pub(crate) fn check(text: &str) -> Result<(), String> {
    tree(text).map(drop)
}

fn tree(text: &str) -> Result<tree_sitter::Tree, String> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_javascript::LANGUAGE.into())
        .map_err(|error| error.to_string())?;
    let tree = parser.parse(text, None).ok_or("cannot be parsed")?;
    match first_error(tree.root_node()) {
        Some(node) => Err(format!(
            "syntax error in line {}",
            node.start_position().row + 1
        )),
        None => Ok(tree),
    }
}

fn first_error(node: Node<'_>) -> Option<Node<'_>> {
    if node.is_error() || node.is_missing() {
        return Some(node);
    }
    children(node)
        .into_iter()
        .filter(Node::has_error)
        .find_map(first_error)
}

fn children(node: Node<'_>) -> Vec<Node<'_>> {
    node.children(&mut node.walk()).collect()
}

impl Module<'_> {
    /// Specifiers of all imported modules, in the order of the imports.
    pub(crate) fn imports(&self) -> impl Iterator<Item = &str> {
        self.edits.iter().filter_map(|edit| match &edit.by {
            Replacement::Load { specifier, .. } => Some(&**specifier),
            Replacement::Nothing => None,
        })
    }

    /// Names that the module exports.
    pub(crate) fn exports(&self) -> &[String] {
        &self.exports
    }

    /// Returns the text without comments, in which each import is replaced with the expression that
    /// `load` returns for its specifier.
    pub(crate) fn replaced(&self, load: impl Fn(&str) -> String) -> String {
        let mut out = String::new();
        let mut end = 0;
        for Edit { range, by } in &self.edits {
            out.push_str(&self.text[end..range.start]);
            if let Replacement::Load {
                specifier,
                before,
                after,
            } = by
            {
                out.push_str(before);
                out.push_str(&load(specifier));
                out.push_str(after);
            }
            end = range.end;
        }
        out.push_str(&self.text[end..]);
        out
    }

    fn text_of(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    fn unknown(&self, node: Node<'_>) -> String {
        let line = node.start_position().row + 1;
        let text = self.text_of(node).lines().next().unwrap_or_default();
        format!("line {line} has a form that cannot be linked: {text}")
    }

    fn edit(&mut self, range: Range<usize>, by: Replacement) {
        self.edits.push(Edit { range, by });
    }

    fn specifier(&self, node: Node<'_>) -> String {
        self.text_of(node).trim_matches(['"', '\'']).to_owned()
    }

    /// `import { a, b as c } from "…"` becomes `const { a, b: c } = …`.
    fn import(&mut self, node: Node<'_>) -> Result<(), String> {
        let source = node.child_by_field_name("source");
        let source = source.ok_or_else(|| self.unknown(node))?;
        let clause = children(node)
            .into_iter()
            .find(|child| child.kind() == "import_clause");
        let before = match clause.map(children).as_deref() {
            None => String::new(),
            Some([names]) if names.kind() == "named_imports" => {
                format!("const {} = ", self.text_of(*names).replace(" as ", ": "))
            }
            Some([name]) if name.kind() == "namespace_import" => {
                let name = self.text_of(*name).trim_start_matches("* as ");
                format!("const {name} = ")
            }
            Some(_) => return Err(self.unknown(node)),
        };
        let specifier = self.specifier(source);
        let load = Replacement::Load {
            specifier,
            before,
            after: ";",
        };
        self.edit(node.byte_range(), load);
        Ok(())
    }

    /// `export const a = …` becomes `const a = …`. A variable that changes cannot be exported,
    /// because importers have a copy.
    fn export(&mut self, node: Node<'_>) -> Result<(), String> {
        let Some(declaration) = node.child_by_field_name("declaration") else {
            if self.text_of(node) != "export {};" {
                return Err(self.unknown(node));
            }
            self.edit(node.byte_range(), Replacement::Nothing);
            return Ok(());
        };
        let declared = match declaration.kind() {
            "function_declaration" | "generator_function_declaration" | "class_declaration" => {
                vec![declaration]
            }
            "lexical_declaration" if self.text_of(declaration).starts_with("const ") => {
                let parts = children(declaration).into_iter();
                parts
                    .filter(|part| part.kind() == "variable_declarator")
                    .collect()
            }
            _ => return Err(self.unknown(node)),
        };
        let is_default = children(node).iter().any(|child| child.kind() == "default");
        for one in declared {
            let name = one.child_by_field_name("name");
            let name = name.filter(|name| name.kind() == "identifier" && !is_default);
            let name = name.ok_or_else(|| self.unknown(node))?;
            self.exports.push(self.text_of(name).to_owned());
        }
        let keyword = node.start_byte()..declaration.start_byte();
        self.edit(keyword, Replacement::Nothing);
        Ok(())
    }

    /// Removes comments and replaces dynamic imports, at any depth.
    fn visit(&mut self, node: Node<'_>) -> Result<(), String> {
        match node.kind() {
            "comment" => {
                let range = self.whole_lines(node.byte_range());
                self.edit(range, Replacement::Nothing);
            }
            "import_statement" => return Ok(()),
            "identifier" if self.text_of(node).starts_with(RESERVED) => {
                return Err(self.unknown(node));
            }
            "meta_property" => return Err(self.unknown(node)),
            "call_expression" if self.text_of(node).starts_with("import(") => {
                return self.dynamic_import(node);
            }
            _ => {}
        }
        children(node)
            .into_iter()
            .try_for_each(|child| self.visit(child))
    }

    /// `await import("…")` becomes `await …`, which evaluates the module when it is reached.
    fn dynamic_import(&mut self, node: Node<'_>) -> Result<(), String> {
        let is_awaited = node
            .parent()
            .is_some_and(|parent| parent.kind() == "await_expression");
        let arguments = node.child_by_field_name("arguments").map(children);
        match arguments.as_deref() {
            Some([_, source, _]) if is_awaited && source.kind() == "string" => {
                let specifier = self.specifier(*source);
                let load = Replacement::Load {
                    specifier,
                    before: String::new(),
                    after: "",
                };
                self.edit(node.byte_range(), load);
                Ok(())
            }
            _ => Err(self.unknown(node)),
        }
    }

    /// Extends the range of a comment to whole lines if it is alone on them.
    fn whole_lines(&self, range: Range<usize>) -> Range<usize> {
        let before = &self.text[..range.start];
        let indent = before.len() - before.trim_end_matches([' ', '\t']).len();
        let is_first = before.trim_end_matches([' ', '\t']).ends_with('\n') || before.is_empty();
        if is_first && self.text[range.end..].starts_with('\n') {
            return range.start - indent..range.end + 1;
        }
        range
    }
}
