import { calls } from "./calls.ts";
import { closures } from "./closures.ts";
import { conditions } from "./conditions.ts";
import { conversions } from "./conversions.ts";
import { exceptions } from "./exceptions.ts";
import { guards } from "./guards.ts";
import { numbers } from "./numbers.ts";
import { operations } from "./operations.ts";
import { orders, rounding } from "./orders.ts";
import { sharing } from "./sharing.ts";
import type { Operator } from "./site.ts";
import { slices } from "./slices.ts";
import { statements } from "./statements.ts";
import { texts } from "./texts.ts";
import { variables } from "./variables.ts";
import { waits } from "./waits.ts";

/** Everything that proposes changes. */
export const OPERATORS: readonly Operator[] = [
  operations,
  conditions,
  numbers,
  texts,
  slices,
  calls,
  variables,
  exceptions,
  sharing,
  guards,
  statements,
  waits,
  orders,
  rounding,
  closures,
  conversions,
];
