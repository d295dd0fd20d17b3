import { expect, it } from "vitest";
import { count } from "../src/words/en";
import { bytes, exact, exactPercent, figure, gbps, lasting, ms, people, percent, scaled, sentence, takenOn } from "../src/words/figures";

it.each([
  [0, "0"],
  [0.064, "0.06"],
  [4.256, "4.26"],
  [25.44, "25.4"],
  [1234.5, "1,235"],
])("%d reads %s", (value, text) => expect(figure(value)).toBe(text));

it("always says the unit", () => {
  expect(gbps(400)).toBe("400 Gbit/s");
  expect(gbps(12_800)).toBe("12.8 Tbit/s");
  expect(ms(63.42)).toBe("63.4 ms");
  expect(ms(null)).toBe("–");
  expect(bytes(1.5e15)).toBe("1.5 PB");
  expect(percent(0.0156)).toBe("1.6 %");
  expect(percent(0.69)).toBe("69 %");
  expect(people(228_000_000)).toBe("228 million");
  expect(count(1, "fibre")).toBe("1 fibre");
  expect(count(1200, "fibre")).toBe("1,200 fibres");
});

it("says how long something is in one unit", () =>
  expect([lasting(45_000), lasting(720_000), lasting(5_400_000), lasting(172_800_000)]).toEqual(["45 s", "12 min", "1.5 h", "2 d"]));

it("shows small changes of a large share", () => {
  expect(exactPercent(0.7786)).toBe("77.86 %");
  expect(exactPercent(0.769)).toBe("76.90 %");
});

it("begins a sentence with a capital", () => expect(sentence("this token is unknown")).toBe("This token is unknown"));

it("gives milliseconds to repairs", () => expect(exact("2026-01-01T10:00:00.007Z")).toMatch(/^\d\d:\d\d:\d\d\.007$/));

it("says where figures come from, and at which scale", () => {
  expect(takenOn("twin", 1)).toBe("modelled by the twin");
  expect(takenOn("linux", 1)).toBe("measured on Linux routers");
  expect(takenOn("linux", 0.001)).toBe("measured on Linux routers, 1:1000");
  expect(takenOn("elsewhere", 1)).toBe("measured on elsewhere");
  expect(scaled(1)).toBe("");
  expect(scaled(0.001)).toBe("1 Gbit/s is carried as 1 Mbit/s");
  expect(scaled(0.0001)).toBe("1 Gbit/s is carried as 100 kbit/s");
  expect(scaled(0.01)).toBe("1 Gbit/s is carried as 10 Mbit/s");
});
