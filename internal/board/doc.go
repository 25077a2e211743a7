// Package board is the list of apps in memory: it finds, counts and sorts them, and
// says when something has changed. It knows only the lines of the list, and nobody's
// rights: a query brings a function that says which apps there are for its reader.
//
// Rows are kept in the order of their names, each with its text in lower case. A query
// goes through all rows once and copies those of its page only, so that what it
// allocates does not grow with the number of apps.
package board
