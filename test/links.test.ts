// The links between the Markdown files of the project. Each must lead to a file or folder that
// exists, and to a heading in it if the link names one.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { filesIn } from './support/process/imports.ts';
import { root } from './support/process/scratch-project.ts';

const pages = [
  'README.md',
  'SECURITY.md',
  ...['scripts', 'src', 'test'].flatMap((folder) =>
    filesIn(join(root, folder)).map((path) => join(folder, path)),
  ),
].filter((path) => path.endsWith('.md'));

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function brokenLinksIn(page: string, markdown: string): string[] {
  const links = [...markdown.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  return links.flatMap(([link, path = '', anchor]) => {
    const target = path === '' ? page : join(page, '..', path);
    if (target !== page && !existsSync(join(root, target))) return [link];
    const text = target === page ? markdown : readFileSync(join(root, target), 'utf8');
    return anchor === undefined || anchorsOf(text).includes(anchor) ? [] : [link];
  });
}

describe('the links in Markdown files', () => {
  for (const page of pages) {
    it(`lead to files and headings that exist in ${page}`, () => {
      assert.deepEqual(brokenLinksIn(page, readFileSync(join(root, page), 'utf8')), []);
    });
  }

  it('would be reported if they were broken', () => {
    const broken = ['](none.md)', '](#none)', '](../README.md#none)'];
    const whole = '[a](../README.md) [b](../README.md#settings) [c](#4-add-https) [d](https://a.b/#c)';
    const markdown = `# 4. Add HTTPS\n${whole} ${broken.join(' ')}`;
    assert.deepEqual(brokenLinksIn('src/page.md', markdown), broken);
  });
});
