package web

import (
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// permission is a line of policies in plain words, or several that differ in their resource only.
type permission struct {
	// What is such as "Sync Applications", Of the pattern of their names, "" for all.
	What, Of string
	Deny     bool
	// By is who has the line: a role, a group, or the reader itself.
	By string
}

// resourceWords are RBAC's resources for people; others are called as policies call them.
var resourceWords = map[string]string{
	"*": "everything", "applications": "Applications", "applicationsets": "ApplicationSets", "kustomizations": "Kustomizations",
	"helmreleases": "HelmReleases", "sources": "Flux’s sources", "logs": "logs", "clusters": "clusters", "repositories": "repositories",
	"projects": "projects", "accounts": "accounts", "audit": "the audit trail", "gpgkeys": "GPG keys",
	"write-repositories": "repositories for writing",
}

// actionWords are RBAC's actions.
var actionWords = map[string]string{
	"*": "Do anything with", "get": "See", "sync": "Sync", "override": "Sync as not declared", "create": "Create",
	"update": "Change", "delete": "Delete", "invoke": "Call",
}

// permissions are the rights of an account in plain words.
func permissions(rights []view.Right) []permission {
	var out []permission
	var last view.Right
	for _, r := range rights {
		same := last == view.Right{Subject: r.Subject, Action: r.Action, Object: r.Object, Deny: r.Deny}
		if n := len(out) - 1; n >= 0 && same {
			out[n].What += ", " + resourceWord(r.Resource)
			continue
		}
		last = view.Right{Subject: r.Subject, Action: r.Action, Object: r.Object, Deny: r.Deny}
		out = append(out, permission{What: actionWord(r.Action) + " " + resourceWord(r.Resource), Of: pattern(r.Object), Deny: r.Deny, By: r.Subject})
	}
	return out
}

func resourceWord(resource string) string {
	if word, ok := resourceWords[resource]; ok {
		return word
	}
	return resource
}

func actionWord(action string) string {
	if word, ok := actionWords[action]; ok {
		return word
	}
	verb, rest, _ := strings.Cut(action, "/")
	switch {
	case verb == "action" && slices.Contains([]string{"", "*", "*/*", "*/*/*"}, rest):
		return "Run actions on objects of"
	case verb == "action":
		return "Run the action " + rest + " on objects of"
	case verb == "update", verb == "delete":
		return actionWords[verb] + " objects " + rest + " of"
	}
	return action
}

// pattern is that of names; "" of all.
func pattern(object string) string {
	if strings.Trim(object, "*/") == "" {
		return ""
	}
	return object
}

// Permissions are what the reader may, in plain words.
func (p *accountPage) Permissions() []permission { return permissions(p.Account.Rights) }
