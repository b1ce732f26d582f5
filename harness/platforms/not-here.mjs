/** The error for something that this machine cannot do. It is no failure of the package. The message gives the reason. */
export class NotHere extends Error {
  name = "NotHere";
}
