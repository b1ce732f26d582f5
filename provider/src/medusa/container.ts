/**
 * @internal A value for Medusa's container, as awilix' `asValue` makes it. `@medusajs/framework` exports that function only since 2.11, and
 * its result has always been this.
 */
export function asValue<T>(value: T): { resolve: () => T } {
  return { resolve: () => value };
}
