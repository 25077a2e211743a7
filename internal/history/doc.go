// Package history keeps the objects of deployed revisions, so that an app can go
// back to one of them while its sources can't be reached. It is no record of what
// happened: that is in the status of the declaring objects.
//
// It is an SQLite file. An entry is a revision of an app; its objects are stored
// once each, shared by revisions and apps, and go with the last entry that has
// them. An entry names its objects in order by spans: runs of rows that follow one
// another, at most maxSpan long, of which a new revision has few, since most of its
// objects are those of the one before.
//
// All content is compressed, then encrypted with AES-256-GCM. In the clear are the
// apps' names, the revisions, times and counts. An object's address is a keyed hash
// of its content, so that nobody without the key can try out what it may be. Which
// key an entry needs is noted by an id of the key: entries of another key count as
// not kept, and what is kept from then on is encrypted with the present one.
//
// A Keep is one transaction: after a kill at any point an entry is whole or not
// there. A damaged file is set aside and begun anew.
package history
