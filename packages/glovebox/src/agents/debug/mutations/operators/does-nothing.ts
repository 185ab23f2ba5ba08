/** Whether an operation gives one of its operands as it is, or says by a sign what another operator says: `x - 0`, `1 * x`, `x + -1`. No person repairs by such. */
export function doesNothing(left: string, operator: string, right: string): boolean {
  if (operator === "+") return left === "0" || right === "0" || right.startsWith("-");
  if (operator === "-") return right === "0" || right.startsWith("-");
  if (operator === "*") return left === "1" || right === "1";
  return /^(\*\*|\/|\/\/)$/.test(operator) && right === "1";
}
