import { Module } from "@medusajs/framework/utils";
import StockService from "./service";

/** Name of the module in the container. */
export const STOCK = "stock";

export default Module(STOCK, { service: StockService });
