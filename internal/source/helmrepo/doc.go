// Package helmrepo gets charts from Helm repositories: an index.yaml and the
// archives that it names. All charts of a repository share its index, which costs
// one conditional request when nothing has changed.
//
// An index may be large. It is read line by line into a file that has no name,
// and of it only the versions of the charts that are asked for are in memory.
// That needs the form that Helm writes: a chart's name in a line of its own, and
// its versions as a list below it. JSON is read as well.
package helmrepo
