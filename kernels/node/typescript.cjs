"use strict";
/** Types out of TypeScript, by Node itself; what is more than types (enums, namespaces) is translated. */
const { stripTypeScriptTypes } = require("node:module");

function strip(source) {
  try {
    return stripTypeScriptTypes(source, { mode: "strip" });
  } catch (error) {
    if (error?.code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") throw error;
    return stripTypeScriptTypes(source, { mode: "transform" });
  }
}

module.exports = { strip };
