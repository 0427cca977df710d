// Fails on words that no page uses, and on words in pages that are not messages. That no language lacks a word, its type
// sees to. Uses are found by the type checker, so that `t.state[machine.status]` uses every state there is.
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Names are the same in all languages. */
const NAMES = /\b(AudioSense|CSV|PNG)\b/g;
const WORDS = /\p{L}{2}/u;
/** Attributes whose text is read by people. */
const SPOKEN = new Set(["aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "alt", "placeholder", "title", "label"]);

/** The messages of the language that all others are held to: each declaration with its dotted name. */
function messagesOf(program: ts.Program): Map<ts.Node, string> {
  const found = new Map<ts.Node, string>();
  const visit = (object: ts.ObjectLiteralExpression, prefix: string): void => {
    for (const property of object.properties) {
      if (!ts.isPropertyAssignment(property)) continue;
      const name = `${prefix}.${ts.isStringLiteral(property.name) ? property.name.text : property.name.getText()}`;
      if (ts.isObjectLiteralExpression(property.initializer)) visit(property.initializer, name);
      else found.set(property, name);
    }
  };
  for (const file of program.getSourceFiles()) {
    if (!/\/i18n\/(\w+\.)?en\.ts$/.test(file.fileName)) continue;
    ts.forEachChild(file, (statement) => {
      if (!ts.isVariableStatement(statement)) return;
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (initializer && ts.isObjectLiteralExpression(initializer)) visit(initializer, name.getText());
      }
    });
  }
  return found;
}

/** Messages that no source outside of the languages themselves uses. */
function unused(program: ts.Program): string[] {
  const checker = program.getTypeChecker();
  const left = messagesOf(program);
  const mark = (symbol: ts.Symbol | undefined): void => {
    for (const declaration of symbol?.declarations ?? []) left.delete(declaration);
  };
  const byKey = (object: ts.Type, key: ts.Type): void => {
    const keys = key.isUnion() ? key.types : [key];
    if (keys.every((each) => each.isStringLiteral())) {
      for (const each of keys) mark(checker.getPropertyOfType(object, each.value));
    } else {
      for (const each of checker.getPropertiesOfType(object)) mark(each);
    }
  };
  /** A group of messages that is handed on as another type: by the names of that, or whole where it names none. */
  const handOn = (node: ts.Expression): void => {
    const wanted = checker.getContextualType(node);
    const group = checker.getTypeAtLocation(node);
    if (!wanted || wanted === group) return;
    const names = wanted.getStringIndexType() ? checker.getPropertiesOfType(group) : checker.getPropertiesOfType(wanted);
    for (const { name } of names) mark(checker.getPropertyOfType(group, name));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node)) {
      mark(checker.getSymbolAtLocation(node.name));
      if (!ts.isPropertyAccessExpression(node.parent) && !ts.isElementAccessExpression(node.parent)) handOn(node);
    }
    if (ts.isElementAccessExpression(node)) byKey(checker.getTypeAtLocation(node.expression), checker.getTypeAtLocation(node.argumentExpression));
    if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
      const name = (node.propertyName ?? node.name).getText();
      mark(checker.getPropertyOfType(checker.getTypeAtLocation(node.parent), name));
    }
    ts.forEachChild(node, visit);
  };
  for (const file of pagesOf(program)) visit(file);
  return [...left.values()];
}

/** Words that people read and that stand in a page itself: each with its place. */
function untranslated(program: ts.Program): string[] {
  const found: string[] = [];
  for (const file of pagesOf(program)) {
    const tell = (node: ts.Node, text: string): void => {
      if (!WORDS.test(text.replaceAll(NAMES, ""))) return;
      const { line } = file.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${relative(ROOT, file.fileName)}:${line + 1}: ${JSON.stringify(text.trim())}`);
    };
    const visit = (node: ts.Node): void => {
      if (ts.isJsxText(node)) tell(node, node.text);
      if (ts.isJsxExpression(node) && node.expression && isRead(node)) literals(node.expression, tell);
      if (ts.isJsxAttribute(node) && SPOKEN.has(node.name.getText()) && node.initializer && ts.isStringLiteral(node.initializer)) {
        tell(node, node.initializer.text);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

function isRead(node: ts.JsxExpression): boolean {
  return ts.isJsxAttribute(node.parent) ? SPOKEN.has(node.parent.name.getText()) : true;
}

/** The texts that an expression may come to, as far as they stand in it. */
function literals(node: ts.Expression, tell: (node: ts.Node, text: string) => void): void {
  if (ts.isStringLiteralLike(node)) tell(node, node.text);
  if (ts.isTemplateExpression(node)) for (const part of [node.head, ...node.templateSpans.map(({ literal }) => literal)]) tell(node, part.text);
  if (ts.isParenthesizedExpression(node)) literals(node.expression, tell);
  if (ts.isConditionalExpression(node)) for (const each of [node.whenTrue, node.whenFalse]) literals(each, tell);
  if (ts.isBinaryExpression(node) && [ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.PlusToken].includes(node.operatorToken.kind)) {
    literals(node.right, tell);
  }
}

function pagesOf(program: ts.Program): ts.SourceFile[] {
  const source = join(ROOT, "src");
  return program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.startsWith(source) && !/\/src\/(i18n|testing|components-page)\/|\.test\.tsx?$|\/schema\.ts$/.test(fileName));
}

/** The program of `src`. */
function dashboard(): ts.Program {
  const path = join(ROOT, "tsconfig.app.json");
  const config: unknown = ts.readConfigFile(path, (name) => ts.sys.readFile(name)).config;
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  return ts.createProgram(fileNames, { ...options, incremental: false, tsBuildInfoFile: undefined });
}

const program = dashboard();
const complaints = [
  ...unused(program).map((name) => `${name}: no page uses this message; remove it from all languages`),
  ...untranslated(program).map((place) => `${place}: a text that is no message; move it to src/i18n`),
];
for (const each of complaints) console.error(each);
process.exitCode = complaints.length > 0 ? 1 : 0;
