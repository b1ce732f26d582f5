// The names that the commands know, for the rule that checks the commands in documents.

import { SCENARIOS } from "../bench/src/flags.mjs";
import { PHASES } from "../harness/histories/phases.mjs";
import { PLATFORMS } from "../harness/platforms/index.mjs";
import { groups, partsOfTestAll } from "./test-groups.mjs";

/** @returns {import("../harness/house-rules/commands.mjs").Known} */
export const knownNames = () => ({
  groups: groups(),
  parts: Object.keys(partsOfTestAll()),
  platforms: Object.keys(PLATFORMS),
  scenarios: SCENARIOS,
  phases: Object.keys(PHASES),
});
