/** Something that this machine cannot do: no failure of ours. The message says why. */
export class NotHere extends Error {
  name = "NotHere";
}
