// So many of a thing, in words.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(number: number, one: string, many = `${one}s`): string {
  return `${plain.format(number)} ${number === 1 ? one : many}`;
}
