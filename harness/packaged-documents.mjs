// Documents as they are published: the package has none of the files that they link to, the repository has.

const LINK = /(!?\[[^\]]*\]\()([^)\s]+)(\))/g;

/**
 * @param {string} text of a document in the project's root
 * @param {{ repository: { url: string }, version: string }} manifest
 * @returns {string} the same with links to files of the release's tag; those to its own headings and to elsewhere stay
 */
export function withAbsoluteLinks(text, { repository, version }) {
  const home = repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
  return text.replace(LINK, (link, before, target, after) => {
    if (/^(?:[a-z]+:|#)/.test(target)) return link;
    // A picture is wanted itself, not the page that shows it.
    const kind = before.startsWith("!") ? "raw" : "blob";
    return `${before}${home}/${kind}/v${version}/${target}${after}`;
  });
}
