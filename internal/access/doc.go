// Package access says who may do what: Argo CD's RBAC, as argocd-rbac-cm and the roles
// of AppProjects declare it.
//
// A policy is lines of CSV. A p line gives a subject a right, or takes it away:
//
//	p, <subject>, <resource>, <action>, <object>, <allow|deny>
//
// A g line makes a subject one more of another's: g, <subject>, <role>. A reader speaks
// with several voices, one after the other: the default role, its own name, each of its
// groups that some g line begins with. A request is granted if there is a voice of which
// some line allows it and no line denies it. Lines of an AppProject count only for
// requests about that project.
//
// A line that can't be read never gives anything. If it does not plainly say allow, it
// denies its subject all that can be read of it, until somebody repairs it.
//
// Nothing here knows what a resource is; only who asks, and four words.
package access
