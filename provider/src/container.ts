/**
 * @internal A value as Medusa's container takes it. Awilix has a function for it, which `@medusajs/framework` exports under a name that came
 * with 2.11 only; what it makes has always been this.
 */
export function asValue<T>(value: T): { resolve: () => T } {
  return { resolve: () => value };
}
