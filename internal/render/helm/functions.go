package helm

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	gotemplate "text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// sprigFunctions are those that Helm's are based on. Nothing changes it.
var sprigFunctions = sprig.TxtFuncMap()

// watch is a function that does not depend on its arguments alone.
type watch struct {
	names []string
	// why is what a warning says behind the function's name.
	why string
	// when reports whether a call is worth a warning; nil is always.
	when func(args []reflect.Value) bool
}

const untilChange = "what came out is kept until anything changes that the app is rendered from, and is another one then"

var watches = []watch{
	{
		names: strings.Fields("randAlpha randAlphaNum randAscii randNumeric randBytes randInt shuffle uuidv4 bcrypt htpasswd encryptAES"),
		why:   "gives another result each time: " + untilChange + "; keep such a value in a Secret and give the chart its name",
	},
	{
		names: strings.Fields("genPrivateKey genCA genCAWithKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey"),
		why:   "makes another key each time: " + untilChange + "; let something in the cluster make certificates, or keep them in a Secret",
	},
	{
		names: []string{"now", "ago"},
		why:   "depends on the time: " + untilChange,
	},
	{
		names: strings.Fields("date date_in_zone dateInZone htmlDate htmlDateInZone"),
		why:   "is given something that is no time, and takes that of the render: " + untilChange,
		when:  func(args []reflect.Value) bool { return !slices.ContainsFunc(args, isTime) },
	},
	{
		names: []string{"durationRound"},
		why:   "is given a time, and measures up to that of the render: " + untilChange,
		when:  func(args []reflect.Value) bool { return slices.ContainsFunc(args, isMoment) },
	},
	{
		names: []string{"getHostByName"},
		why:   "asks no name server and returns nothing, as with helm template",
	},
	{
		names: []string{lookup},
		why:   "",
	},
}

const (
	lookup       = "lookup"
	lookupNone   = "reads no live objects here and finds nothing, as with helm template"
	lookupImpure = "reads live objects: the outcome is that of the time of the render, and their changes render nothing anew"
)

// watchedNames are the names of all watched functions.
var watchedNames = func() (names []string) {
	for _, w := range watches {
		names = append(names, w.names...)
	}
	return names
}()

// watched is the watch of the function with that name, or nil.
func watched(name string) *watch {
	for i := range watches {
		if slices.Contains(watches[i].names, name) {
			return &watches[i]
		}
	}
	return nil
}

// isTime reports whether sprig takes an argument for a time.
func isTime(v reflect.Value) bool {
	switch unwrap(v).(type) {
	case time.Time, *time.Time, int64, int, int32:
		return true
	}
	return false
}

func isMoment(v reflect.Value) bool {
	_, ok := unwrap(v).(time.Time)
	return ok
}

func unwrap(v reflect.Value) any {
	if !v.IsValid() || !v.CanInterface() {
		return nil
	}
	return v.Interface()
}

// functions are those that replace the engine's: the watched ones, each under
// its own name for text that is only known while rendering, and under the names
// of its sites; and those that are bounded or made deterministic.
func (r *run) functions(sites map[string]site) gotemplate.FuncMap {
	out := gotemplate.FuncMap{}
	maps.Copy(out, bounded)
	for _, name := range watchedNames {
		out[name] = r.watched(site{function: name})
	}
	for marked, s := range sites {
		out[marked] = r.watched(s)
	}
	return out
}

// watched is the function of a site, with a warning when it is called.
func (r *run) watched(s site) any {
	w := watched(s.function)
	f := reflect.ValueOf(r.function(s.function))
	return reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
		if w.when == nil || w.when(args) {
			r.warn(s, w.why)
		}
		if f.Type().IsVariadic() {
			return f.CallSlice(args)
		}
		return f.Call(args)
	}).Interface()
}

// function is what a watched function does.
func (r *run) function(name string) any {
	if name == lookup {
		return r.lookup
	}
	if name == "getHostByName" {
		return func(string) string { return "" }
	}
	if f, ok := bounded[name]; ok {
		return f
	}
	return sprigFunctions[name]
}

func (r *run) warn(s site, why string) {
	if s.function == lookup {
		why = lookupNone
		if r.set.Lookup {
			why = lookupImpure
		}
	}
	place := "a text given to tpl"
	if s.file != "" {
		place = s.place(r.dir)
	}
	r.in.Warnf("%s: %s %s", place, s.function, why)
}

// lookup is a live object, or a list of them where the name is empty; an empty
// map if there is none.
func (r *run) lookup(apiVersion, kind, namespace, name string) (map[string]any, error) {
	none := map[string]any{}
	if !r.set.Lookup {
		return none, nil
	}
	ref := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: kind, Namespace: namespace, Name: name}, Version: apiVersion}
	if group, version, ok := strings.Cut(apiVersion, "/"); ok {
		ref.Group, ref.Version = group, version
	}
	data, err := r.in.Lookup(ref)
	if err == nil && len(data) > 0 {
		err = json.Unmarshal(data, &none)
	}
	if err != nil {
		err = fmt.Errorf("lookup of %s %s: %w", apiVersion, ref.ObjectKey, err)
		if r.fault == nil {
			r.fault = err
		}
		return map[string]any{}, err
	}
	return none, nil
}
