import { Module } from "@medusajs/framework/utils";
import StockService from "./service";

/** The module's name in the container. */
export const STOCK = "stock";

export default Module(STOCK, { service: StockService });
