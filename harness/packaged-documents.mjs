// Documents as they are published. They link to files that are in the repository, but not in the package.

const LINK = /(!?\[[^\]]*\]\()([^)\s]+)(\))/g;

/**
 * @param {string} text of a document in the project's root
 * @param {{ repository: { url: string }, version: string }} manifest
 * @returns {string} the same text, with links to files of the release's tag; links to its own headings and to other places stay
 */
export function withAbsoluteLinks(text, { repository, version }) {
  const home = repository.url.replace(/^git\+/, "").replace(/\.git$/, "");
  return text.replace(LINK, (link, before, target, after) => {
    if (/^(?:[a-z]+:|#)/.test(target)) return link;
    // For a picture the link leads to the file itself, not to the page that shows it.
    const kind = before.startsWith("!") ? "raw" : "blob";
    return `${before}${home}/${kind}/v${version}/${target}${after}`;
  });
}
