// Every place, in the order in which they are offered. Prices, bills and transfers have theirs after the plan: a line here
// with a `Body` is all that the page has to be told.
import { t } from "../words/en";
import { Lists } from "./lists/Lists";
import { Order } from "./order/Order";
import { mayOrder } from "./order/rights";
import type { Place } from "./place";
import { Plan } from "./plan/Plan";
import { Sweeps } from "./sweeps/Sweeps";
import { TimeLine } from "./timeline/TimeLine";

export const PLACES: readonly Place[] = [
  { id: "lists", title: t.places.lists, Body: Lists },
  { id: "order", title: t.places.order, Body: Order, shown: (store) => mayOrder(store.who) },
  { id: "timeline", title: t.places.timeline, Body: TimeLine },
  { id: "plan", title: t.places.plan, Body: Plan, shown: (store) => store.operator },
  { id: "sweeps", title: t.places.sweeps, Body: Sweeps, shown: (store) => store.operator },
];
