import { childOf, nodesOf, type SyntaxNode } from "../../../syntax/index.ts";
import { classAround, functionAround, isFunction, isSimple, memberOf, statementAround } from "./view.ts";

/** What can be named, said and done at a place of a file: what a repair takes its parts from. */
export class Names {
  readonly #root: SyntaxNode;
  readonly #ofFunction = new Map<SyntaxNode | undefined, readonly string[]>();

  constructor(root: SyntaxNode) {
    this.#root = root;
  }

  /** Parameters and variables of the function around a node, nearest function first, then what the file itself declares. */
  variables(node: SyntaxNode): readonly string[] {
    const names = new Set<string>();
    for (let at = functionAround(node); at !== undefined; at = functionAround(at)) {
      for (const name of this.#declared(at)) names.add(name);
    }
    return [...names];
  }

  /** Variables of the file that are no functions. */
  moduleVariables(): readonly string[] {
    return this.#declared(undefined);
  }

  /** Names after `.` of the same object in this file; of `self` and `this` also the methods of the class. */
  members(node: SyntaxNode): readonly string[] {
    const member = memberOf(node);
    if (member === undefined) return [];
    const around = classAround(node);
    const isOwn = member.object.text === "self" || member.object.text === "this";
    const names = new Set<string>();
    for (const one of nodesOf(isOwn && around !== undefined ? around : this.#root)) {
      const other = memberOf(one);
      if (other !== undefined && other.object.text === member.object.text) names.add(other.property.text);
      if (isOwn && (one.type === "function_definition" || one.type === "method_definition")) {
        const name = childOf(one, "name")?.text ?? "";
        if (!name.startsWith("__") && name !== "constructor") names.add(name);
      }
    }
    return [...names];
  }

  /** Classes that end in Error or Exception, or are thrown, caught or made from such here. */
  exceptions(): readonly string[] {
    const names = new Set<string>();
    for (const node of nodesOf(this.#root)) {
      if (node.type !== "class_definition" && node.type !== "class_declaration") continue;
      const bases =
        node.children.find(({ field, type }) => field === "superclasses" || type === "class_heritage")?.text ?? "";
      if (/Error|Exception/.test(bases)) names.add(childOf(node, "name")?.text ?? "");
    }
    names.delete("");
    return [...names];
  }

  /** Simple statements that could also stand in the function of a node: those of its class, or of the file where it is in none; each text once. */
  statements(node: SyntaxNode): readonly SyntaxNode[] {
    const home = classAround(node) ?? this.#root;
    const found = new Map<string, SyntaxNode>();
    for (const one of nodesOf(home)) {
      if (!isSimple(one) || functionAround(one) === undefined) continue;
      if (!found.has(one.text)) found.set(one.text, one);
    }
    return [...found.values()];
  }

  /** Literals of the file of these types, each text once, in their order. */
  literals(...types: readonly string[]): readonly string[] {
    const texts = new Set<string>();
    for (const node of nodesOf(this.#root)) {
      if (types.includes(node.type) && node.parent?.type !== "expression_statement") texts.add(node.text);
    }
    return [...texts];
  }

  /** What the function around a node gives back elsewhere. */
  returned(node: SyntaxNode): readonly string[] {
    const around = functionAround(node);
    const own = statementAround(node);
    const texts = new Set<string>();
    for (const one of around === undefined ? [] : nodesOf(around)) {
      if (one.type !== "return_statement" || one === own || functionAround(one) !== around) continue;
      texts.add(one.text.replace(/^return\s*/, "").replace(/;$/, ""));
    }
    return [...texts];
  }

  #declared(scope: SyntaxNode | undefined): readonly string[] {
    let names = this.#ofFunction.get(scope);
    if (names === undefined) {
      names = [...new Set(declaredIn(scope ?? this.#root, scope))];
      this.#ofFunction.set(scope, names);
    }
    return names;
  }
}

function* declaredIn(root: SyntaxNode, scope: SyntaxNode | undefined): Generator<string> {
  for (const node of nodesOf(root)) {
    if (node.type !== "identifier" && node.type !== "shorthand_property_identifier_pattern") continue;
    if (node.text === "self" || node.text === "cls") continue;
    if (isDeclaration(node) && functionAround(node) === scope) yield node.text;
  }
}

/** A parameter, or a name that is assigned to, unless it is a function's own name. */
function isDeclaration(node: SyntaxNode): boolean {
  let at: SyntaxNode = node;
  while (at.parent !== undefined && /pattern|tuple|list$|array|default|parameter/.test(at.parent.type)) {
    if (at.field === "value" || at.field === "right" || at.field === "type") return false;
    if (/^(parameters|formal_parameters|lambda_parameters)$/.test(at.parent.type)) return true;
    at = at.parent;
  }
  const { parent, field } = at;
  if (parent === undefined) return false;
  if (field === "left") return /^(assignment|for_|augmented)/.test(parent.type);
  if (field === "parameter") return isFunction(parent);
  return field === "name" && parent.type === "variable_declarator";
}
