const MAX_SIGNIFICANT_DIGITS = 15;

/**
 * A number as text as GitHub's runner writes it: .NET's format `G15`, at most 15 significant digits, and an exponent outside of 1e-5…1e15.
 * Source: https://github.com/actions/runner/blob/main/src/Sdk/DTExpressions2/Expressions2/ExpressionConstants.cs (`NumberFormat`).
 */
export function numberToText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const [digits = "", power = "0"] = value.toExponential(MAX_SIGNIFICANT_DIGITS - 1).split("e");
  const exponent = Number(power);
  if (exponent >= -5 && exponent < MAX_SIGNIFICANT_DIGITS)
    return plain(Number(value.toPrecision(MAX_SIGNIFICANT_DIGITS)));
  const mantissa = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  const sign = exponent < 0 ? "-" : "+";
  return `${mantissa}E${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** JavaScript writes 0.00001 as 1e-5, the one place where its range of plain notation ends before .NET's. */
function plain(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(20).replace(/0+$/, "") : text;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * A text as number where an operator needs one: decimal, 0x…, 0o…, Infinity; the empty text is 0, anything else NaN.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#operators
 * ("Any legal JSON number format, otherwise NaN. Note: empty string returns 0") and #literals for the other forms.
 */
export function textToNumber(text: string): number {
  const trimmed = text.trim();
  if (trimmed === "") return 0;
  if (DECIMAL.test(trimmed) || /^0x[0-9a-fA-F]+$/.test(trimmed) || /^0o[0-7]+$/.test(trimmed)) return Number(trimmed);
  return /^[+-]?Infinity$/.test(trimmed) ? Number(trimmed) : Number.NaN;
}
