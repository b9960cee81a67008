import { readFileSync } from "node:fs";
import ts from "typescript";

export interface ActivitySignature {
  name: string;
  /** Name of the contract's type that it takes. */
  input: string;
  /** Name of the contract's type that it answers with, or null for none. */
  output: string | null;
}

/** The activities of one interface in workflows/contracts/activities.ts, in its order. */
export function activitySignatures(file: string, interfaceName: string): ActivitySignature[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const declaration = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === interfaceName,
  );
  if (!declaration) throw new Error(`${file} declares no interface ${interfaceName}`);
  return declaration.members.filter(ts.isMethodSignature).map((method) => signature(method, source));
}

function signature(method: ts.MethodSignature, source: ts.SourceFile): ActivitySignature {
  const name = (method.name as ts.StringLiteral).text;
  const [parameter, ...others] = method.parameters;
  if (!parameter?.type || others.length > 0) throw new Error(`activity ${name} must take exactly one object`);
  return { name, input: typeName(parameter.type, source), output: resultName(method, source) };
}

function resultName(method: ts.MethodSignature, source: ts.SourceFile): string | null {
  const promised =
    method.type && ts.isTypeReferenceNode(method.type) ? method.type.typeArguments?.[0] : undefined;
  if (!promised || promised.kind === ts.SyntaxKind.VoidKeyword) return null;
  return typeName(promised, source);
}

/** The bare name of `Skill.AskInput` and the like; the text itself of anything written in place. */
const typeName = (node: ts.TypeNode, source: ts.SourceFile): string =>
  node.getText(source).replace(/^\w+\./, "");
