package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// searched are the folders of programs.
const searched = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is what a plugin's commands have in theirs.
type environment struct {
	// public is what everybody may see.
	public []string
	// private is what an app says, which messages don't repeat.
	private []model.NameValue
}

// newEnvironment is that of an app's plugin, in Argo CD's names: the build
// environment, the app's variables with ARGOCD_ENV_ before their names, and its
// parameters, whole and one by one.
func newEnvironment(r model.Render, version string, apis []string, home string) environment {
	e := environment{public: []string{
		"PATH=" + searched, "HOME=" + home, "TMPDIR=" + home,
		"KUBE_VERSION=" + strings.TrimPrefix(version, "v"), "KUBE_API_VERSIONS=" + strings.Join(apis, ","),
	}}
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		e.public = append(e.public, name+"="+r.Env[name])
	}
	for _, v := range r.Plugin.Env {
		e.add("ARGOCD_ENV_"+v.Name, v.Value)
	}
	e.parameters(r.Plugin.Parameters)
	return e
}

func (e *environment) add(name, value string) {
	e.private = append(e.private, model.NameValue{Name: name, Value: value})
}

// parameters adds the parameters. A list or map that is empty is not the same
// as none.
func (e *environment) parameters(all []model.PluginParameter) {
	list := []map[string]any{}
	for _, p := range all {
		one := map[string]any{"name": p.Name}
		name := "PARAM_" + variable(p.Name)
		if p.String != nil {
			one["string"] = *p.String
			e.add(name, *p.String)
		}
		if p.Map != nil {
			one["map"] = p.Map
		}
		for _, key := range slices.Sorted(maps.Keys(p.Map)) {
			e.add(name+"_"+variable(key), p.Map[key])
		}
		if p.Array != nil {
			one["array"] = p.Array
		}
		for i, v := range p.Array {
			e.add(name+"_"+strconv.Itoa(i), v)
		}
		list = append(list, one)
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(fmt.Sprintf("plugin: texts can't be written: %v", err))
	}
	e.add("ARGOCD_APP_PARAMETERS", string(text))
}

var notInVariables = regexp.MustCompile(`[^A-Z0-9_]`)

// variable is a name in the form of those of variables.
func variable(name string) string {
	return notInVariables.ReplaceAllString(strings.ToUpper(name), "_")
}

// list is the environment as processes have it. Values end at a zero byte.
func (e environment) list() []string {
	all := slices.Clone(e.public)
	for _, v := range e.private {
		all = append(all, v.Name+"="+v.Value)
	}
	for i := range all {
		all[i], _, _ = strings.Cut(all[i], "\x00")
	}
	return all
}

// short is the length of values that are hidden only as whole words: hiding
// every 1 would make numbers of lines unreadable.
const short = 3

// scrub hides the private values, and every line of theirs, in a text.
func (e environment) scrub(text string) string {
	values := map[string]bool{}
	for _, v := range e.private {
		values[v.Value] = true
		for line := range strings.Lines(v.Value) {
			values[strings.TrimSpace(line)] = true
		}
	}
	delete(values, "")
	const hidden = "(hidden)"
	ordered := slices.SortedFunc(maps.Keys(values), func(a, b string) int { return len(b) - len(a) })
	for _, v := range ordered {
		if len(v) > short {
			text = strings.ReplaceAll(text, v, hidden)
			continue
		}
		word := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(v) + `($|\W)`)
		for word.MatchString(text) && !word.MatchString(hidden) {
			text = word.ReplaceAllString(text, "${1}"+hidden+"${2}")
		}
	}
	return text
}
