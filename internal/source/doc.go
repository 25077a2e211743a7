// Package source keeps Git repositories, artifacts in registries, charts and
// buckets at hand as content: it polls them, fetches what changed, and serves
// each revision as a file tree. That is read from Git objects, or from a file that
// holds all of an artifact (see package archive). There is no work tree, so a path
// in a repository cannot reach the host's disk. Rendering and everything after it
// is not its business.
//
// On disk, below Config.Dir:
//
//	lock                one Store at a time
//	salt                random, for the names of scopes
//	reader/             an empty repository; objects are read through it, so that
//	                    reading never fetches
//	tmp/                keys and certificates while a command runs; emptied by New
//	<hash>.git          one bare repository per URL, blobless and shallow
//	  refs/fixpoint/<scope>/<ref>/<name>
//	                    the last good commit. scope stands for credentials that
//	                    were allowed to read it, ref for what was asked for, name
//	                    is what that resolved to, in hexadecimal
//	  refs/fixpoint/<scope>/<ref>/v-<keys>/…
//	                    the last commit that was verified with some keys, and
//	                    with it the tag object where that was verified
//	  lfs/<scope>/<oid> files of Git LFS
//	  refs/fixpoint/all/…  only for servers that do not serve single commits
//	artifacts/trees/<hash>
//	                    the files of an artifact, a chart or a bucket, named by
//	                    their content
//	artifacts/notes/<hash>
//	                    which of them was good last, as JSON; the name stands for
//	                    credentials, place and what was asked for. One that nobody
//	                    asks for is removed after 30 days
//
// Everything but salt can be deleted while no Store runs; it is fetched again.
package source
