// The package's declarations contain nothing internal, miss no name, and describe every item.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import test, { before } from "node:test";
import { INSTALLED } from "../../harness/installed.mjs";

const ts = createRequire(import.meta.url)("typescript");
const PACKAGE = path.join(INSTALLED, "node_modules", "medusa-locking-redis");
const ENTRIES = ["index.d.ts", "client.d.ts"].map((name) => path.join(PACKAGE, name));

let program;
before(() => {
  const options = { noEmit: true, strict: true, target: ts.ScriptTarget.ES2022, types: ["node"] };
  const { Node16 } = ts.ModuleKind;
  const lib = ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"];
  program = ts.createProgram(ENTRIES, { ...options, lib, module: Node16, moduleResolution: ts.ModuleResolutionKind.Node16 });
});

/** The files of the package that its two entries lead to. */
const files = () => program.getSourceFiles().filter(({ fileName }) => path.normalize(fileName).startsWith(PACKAGE + path.sep));

test("no name that they use is missing", () => {
  const troubles = files().flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]);
  assert.deepEqual(
    troubles.map(
      ({ file, messageText }) => `${path.relative(PACKAGE, file.fileName)}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    ),
    [],
  );
});

test("nothing of what is marked as internal is in them", () => {
  assert.ok(files().length > ENTRIES.length, "the entries lead to other files");
  const marked = files().filter((file) => file.text.includes("@internal"));
  assert.deepEqual(
    marked.map(({ fileName }) => path.relative(PACKAGE, fileName)),
    [],
  );
});

/** Everything that an entry exports, together with its properties and methods, by name. */
function publicItems(entry) {
  const checker = program.getTypeChecker();
  const isOurs = (symbol) => symbol.declarations?.some((one) => files().includes(one.getSourceFile()));
  const membersOf = (symbol) => {
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const isPlain = type.isClassOrInterface() || type.isIntersection() || type.isUnion();
    const instance = isPlain ? type.getApparentProperties() : [];
    const own = symbol.flags & ts.SymbolFlags.Class ? [...(symbol.exports?.values() ?? [])] : [];
    return [...instance, ...own].filter((member) => isOurs(member) && member.name !== "prototype" && !member.name.includes("#"));
  };
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)));
  return exported.flatMap((one) => {
    const symbol = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one;
    return [[one.name, symbol], ...membersOf(symbol).map((member) => [`${one.name}.${member.name}`, member])];
  });
}

for (const entry of ENTRIES) {
  test(`everything that ${path.basename(entry)} exports has a comment, and so have its properties and methods`, () => {
    const checker = program.getTypeChecker();
    const items = publicItems(entry);
    assert.ok(items.length > 50, `${items.length} items`);
    const bare = items.filter(([, symbol]) => symbol.getDocumentationComment(checker).length === 0);
    assert.deepEqual(
      bare.map(([name]) => name),
      [],
    );
  });
}
