// Package history is what Fixpoint remembers: the objects of deployed revisions, so
// that an app can go back to one of them while its sources can't be reached; what
// happened to apps (activities); who did or saw what (the audit trail); and which
// tokens were revoked. It decides nothing: who may, and what is worth a record, is
// others'.
//
// It is an SQLite file, or a PostgreSQL database that several processes share. Both
// have the same tables (schema) and pass the same tests.
//
// # Revisions
//
// An entry is a revision of an app; its objects are stored once each, shared by
// revisions and apps, and go with the last entry that has them. An entry names its
// objects in order by spans: runs of rows that follow one another, at most maxSpan
// long, of which a new revision has few, since most of its objects are those of the
// one before.
//
// All content is compressed, then encrypted with AES-256-GCM. In the clear are the
// apps' names, the revisions, times and counts. An object's address is a keyed hash
// of its content, so that nobody without the key can try out what it may be. Which
// key an entry needs is noted by an id of the key: entries of another key count as
// not kept, and what is kept from then on is encrypted with the present one.
//
// # Activities and the audit trail
//
// They hold no secrets and are in the clear. Audit records are only ever added, and
// removed from the oldest on when they are older than the setting says; triggers in
// the database refuse anything else. Each record bears a keyed hash of itself and of
// the hash before it: one chain for all processes, which take turns by a lock. The
// row audit_chain says where it begins and ends, under a keyed hash of its own. So
// whoever can write to the database but has no key can't change, exchange, add or
// remove records unnoticed. Putting back the whole database as it was once is not
// noticed but by processes that have written since.
//
// # Failures
//
// Each change is one transaction: after a kill at any point it is whole or not there.
// A damaged file is set aside, with the audit trail that is in it, and begun anew. A
// PostgreSQL that is away makes all methods fail as model.ErrTransient, within the
// patience of the configuration, until it is back. Processes exclude each other by
// advisory locks of the schema that the tables are in.
package history
