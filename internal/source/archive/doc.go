// Package archive keeps the content of artifacts: it reads tar, tar.gz and zip
// archives from strangers, and serves what was in them as read-only trees.
//
// A tree is one file in a Room, named by the tree's hash: the contents of its
// files one after the other, a list of them as JSON, and at the end the length
// of that list in 8 bytes, big endian. The name is checked when a tree is
// opened, a file's content whenever it is read, so that damage on disk is an
// error and never content. Only the list is in memory.
//
// Of an archive regular files are kept, with nothing but their names, their
// content and whether they are executable. Symbolic links are skipped, as Flux
// does; so are empty folders. Hard links, devices and names that lead out of the
// archive make the whole of it an error, and so does whatever is above the
// Limits.
package archive
