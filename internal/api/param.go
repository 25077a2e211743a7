package api

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// param is a parameter of a query.
type param struct {
	name, doc string
	// kind is string, integer, boolean or time; "" is string.
	kind string
	// many: it may be repeated. The words are the values that it may have, in any case.
	many, required bool
	words          []string
	most           int // of an integer; 0 is 2^31
}

// check refuses values that the parameter can't have.
func (p param) check(values []string) error {
	if len(values) > 1 && !p.many {
		return model.Invalidf("parameter %s: once is enough", p.name)
	}
	for _, v := range values {
		if v == "" {
			continue
		}
		if err := p.checkOne(v); err != nil {
			return err
		}
	}
	return nil
}

func (p param) checkOne(v string) error {
	same := func(word string) bool { return strings.EqualFold(word, v) }
	if p.words != nil && !slices.ContainsFunc(p.words, same) {
		return model.Invalidf("parameter %s: %.40q is none of %s", p.name, v, strings.Join(p.words, ", "))
	}
	var err error
	switch p.kind {
	case "integer":
		var n int
		n, err = strconv.Atoi(v)
		if err == nil && (n > p.limit() || n < p.least()) {
			return model.Invalidf("parameter %s: %d is no number from %d to %d", p.name, n, p.least(), p.limit())
		}
	case "boolean":
		_, err = strconv.ParseBool(v)
	case "time":
		_, err = time.Parse(time.RFC3339, v)
	default:
		if len(v) > view.MaxValue {
			return model.Invalidf("parameter %s: at most %d bytes", p.name, view.MaxValue)
		}
	}
	if err != nil {
		return model.Invalidf("parameter %s: %.40q is no %s", p.name, v, p.kindForPeople())
	}
	return nil
}

func (p param) limit() int {
	if p.most == 0 {
		return 1 << 30
	}
	return p.most
}

// least is the smallest number: -1 stands for all where that is said.
func (p param) least() int {
	if p.name == "tail" {
		return -1
	}
	return 0
}

func (p param) kindForPeople() string {
	switch p.kind {
	case "integer":
		return "whole number"
	case "time":
		return "time such as 2026-01-31T12:00:00Z"
	}
	return p.kind
}

// The parameters that several routes have.
var (
	fieldsParam = param{name: "fields", doc: "the fields that are wanted, separated by commas, with dots into objects: name,health,commit.subject. All of them without it"}

	objectParams = []param{
		{name: "group", doc: "of the object; none for the core group"},
		{name: "kind", doc: "of the object"},
		{name: "namespace", doc: "of the object; none for objects of the cluster"},
		{name: "name", doc: "of the object"},
	}
	objectNeeded = []param{
		objectParams[0], {name: "kind", doc: "of the object", required: true}, objectParams[2],
		{name: "name", doc: "of the object", required: true},
	}

	filterParams = []param{
		{name: "q", doc: "words that all have to occur in name, namespace, project, cluster, source or revision; \"field:value\" is about one field"},
		{name: "sync", doc: "sync status", many: true, words: []string{"Synced", "OutOfSync", "Unknown"}},
		{name: "health", doc: "health", many: true, words: []string{"Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"}},
		{name: "kind", doc: "what declares the app", many: true, words: []string{"application", "kustomization", "helmrelease"}},
		{name: "phase", doc: "that of the running or last sync", many: true, words: []string{"Running", "Succeeded", "Failed", "Error"}},
		{name: "project", doc: "project", many: true},
		{name: "cluster", doc: "name of the cluster that it is applied to", many: true},
		{name: "ns", doc: "namespace of its objects", many: true},
		{name: "label", doc: "key, or key=value", many: true},
		{name: "declared", doc: "namespace of the declaring object", many: true},
		{name: "repo", doc: "URL of a source", many: true},
	}
	sortParam = param{name: "sort", doc: "what to sort by, - before it turns it round", words: sortWords()}

	timeParams = []param{
		{name: "from", kind: "time", doc: "not older than that"},
		{name: "to", kind: "time", doc: "older than that"},
	}
	beforeParam = param{name: "before", kind: "integer", doc: "older than the entry with that id: the next page"}
)

func sortWords() []string {
	var out []string
	for _, k := range view.SortKeys {
		out = append(out, k, "-"+k)
	}
	return out
}

// params joins lists of parameters and single ones.
func params(all ...any) []param {
	var out []param
	for _, p := range all {
		switch p := p.(type) {
		case param:
			out = append(out, p)
		case []param:
			out = append(out, p...)
		}
	}
	return out
}
