// The types of locks without Medusa.
export * from "./provider/dist/standalone/index";
