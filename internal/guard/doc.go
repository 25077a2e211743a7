// Package guard stands between readers and what Fixpoint knows and does: the one place
// where rights are enforced and where the audit trail is written. It makes of the
// view.Backend, which knows everything and obeys everybody, a view.Desk for one reader.
//
// # Rights
//
// An Application is the resource "applications", its object "<project>/<name>", or
// "<project>/<namespace>/<name>" outside the namespace of the control plane. Flux's apps
// are "kustomizations" and "helmreleases", their object "<namespace>/<name>". Who may not
// get an app learns nothing of it: what is missing and what is forbidden are the same
// error. With an app
//
//	get                                  shows it, its objects, events and diffs, and refreshes it;
//	                                     a diff with what it does not follow takes override
//	sync                                 syncs it, rolls it back, ends a sync
//	override                             with sync: syncs another revision, or with other options
//	update                               suspends and resumes it
//	action/<group>/<kind>/<name>         does that with an object
//	delete/<group>/<kind>/<ns>/<name>    deletes an object
//
// and logs of its pods need get of the resource "logs", with the app's object. Clusters
// are "<server>", repositories "<url>", or either with "<project>/" before it; projects
// their name; accounts "accounts", their name, of which update is to change the password
// and the tokens of others than one's own; ApplicationSets "applicationsets" named like Applications; Flux's sources and
// receivers "sources", "<namespace>/<name>". The audit trail is "audit", "*".
//
// # Together
//
// A page that many look at is read once for those of them who have equal rights: who began
// to ask before the reading did gets its outcome. It is read in nobody's name, and is
// thrown away if the policy has changed meanwhile. Each reader's session is checked, and
// what was looked at is in the trail for each.
//
// # The trail
//
// A deed is in the trail before it is done, or it is not done; one that failed is there
// again. Who looks at an app, an object, a diff or logs is there once in ten minutes; who
// looks at a list once in an hour, with the filter of it. What was refused is there once in
// a minute, with how often.
package guard
