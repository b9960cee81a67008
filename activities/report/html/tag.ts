/** Markup that is safe to put into a page as it is. */
export class Markup {
  constructor(readonly text: string) {}
}

type Piece = Markup | string | number | false | null | undefined | readonly Piece[];

/** Everything put in is escaped unless it is Markup: rows, names and model output come from elsewhere. */
export const html = (strings: TemplateStringsArray, ...pieces: Piece[]): Markup =>
  new Markup(strings.reduce((text, string, i) => text + render(pieces[i - 1]) + string));

function render(piece: Piece): string {
  if (piece === null || piece === undefined || piece === false) return "";
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === "object") return piece.map(render).join("");
  return escapeText(String(piece));
}

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => entities[c] ?? c).replace(/(?![\t\n\r])\p{Cc}/gu, "\ufffd");
