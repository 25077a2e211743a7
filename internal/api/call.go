package api

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// call is a request on its way.
type call struct {
	*api
	w     http.ResponseWriter
	r     *http.Request
	route route
	desk  view.Desk
	query url.Values
	// app is that of the address, where it names one.
	app model.AppKey
}

// prepare refuses what can't be a request of the route.
func (c *call) prepare() error {
	if c.desk == nil && !c.route.open {
		return view.ErrUnauthenticated
	}
	takes := func(media string) bool { return accepts(c.r.Header.Values("Accept"), media) }
	if !takes(c.route.media()) && !slices.ContainsFunc(c.route.also, takes) {
		return refusal{"not-acceptable", "the answer is " + c.route.media()}
	}
	var err error
	if c.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return model.Invalidf("the address has a query that can't be read: encode its values")
	}
	if err := c.checkQuery(); err != nil {
		return err
	}
	if !strings.Contains(c.route.path, "{name}") {
		return nil
	}
	key, ok := appKey(c.r.PathValue("kind"), c.r.PathValue("namespace"), c.r.PathValue("name"))
	if !ok {
		return refusal{"not-found", "there is no such kind of apps: application, kustomization and helmrelease are"}
	}
	c.app = key
	return nil
}

// checkQuery refuses parameters that the route does not have: a filter with a wrong
// name would find everything.
func (c *call) checkQuery() error {
	for name, values := range c.query {
		i := slices.IndexFunc(c.route.query, func(p param) bool { return p.name == name })
		if i < 0 {
			return model.Invalidf("parameter %.60q: there is none of that name here; there are %s", name, c.route.parameters())
		}
		if err := c.route.query[i].check(values); err != nil {
			return err
		}
	}
	for _, p := range c.route.query {
		if p.required && c.query.Get(p.name) == "" {
			return model.Invalidf("parameter %s: it is missing", p.name)
		}
	}
	return nil
}

// accepts reports whether the header Accept takes a type.
func accepts(header []string, media string) bool {
	all := strings.Join(header, ",")
	if strings.TrimSpace(all) == "" {
		return true
	}
	group, _, _ := strings.Cut(media, "/")
	for given := range strings.SplitSeq(all, ",") {
		kind, params, err := mime.ParseMediaType(given)
		if err != nil || strings.Trim(params["q"], "0.") == "" && params["q"] != "" {
			continue
		}
		if kind == "*/*" || kind == group+"/*" || kind == media {
			return true
		}
	}
	return false
}

// body reads the body strictly into v: no other fields, nothing after it. No body is
// an empty object.
func (c *call) body(v any) error {
	raw, err := io.ReadAll(c.r.Body)
	if err != nil {
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			return err
		}
		return model.Invalidf("the body ends too early: send all of it")
	}
	if len(raw) == 0 {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refusal{"media-type", "the body has to be JSON"}
	}
	return decode(raw, v)
}

func decode(raw []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, after := d.Token(); !errors.Is(after, io.EOF) {
			return model.Invalidf("the body goes on after its object: send one object")
		}
		return nil
	}
	var kind *json.UnmarshalTypeError
	switch field, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); {
	case unknown:
		return model.Invalidf("field %.80s: there is none of that name; there are %s", field, strings.Join(fieldsOf(v), ", "))
	case errors.As(err, &kind) && kind.Field != "":
		return model.Invalidf("field %.80q: it has to be %s, not %s", kind.Field, wordFor(kind.Type), kind.Value)
	}
	return model.Invalidf("the body is no JSON: send an object")
}

// wordFor is a type in JSON's words.
func wordFor(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a string"
}

// object is what the query names: the key is zero if it names nothing.
func (c *call) object() (model.ObjectKey, error) {
	key := model.ObjectKey{
		Group: c.query.Get("group"), Kind: c.query.Get("kind"), Namespace: c.query.Get("namespace"), Name: c.query.Get("name"),
	}
	if key != (model.ObjectKey{}) && (key.Kind == "" || key.Name == "") {
		return key, model.Invalidf("parameters kind and name: an object needs both")
	}
	return key, nil
}

// flag is a boolean parameter; it is checked already, as are those below.
func (c *call) flag(name string) bool {
	v, _ := strconv.ParseBool(c.query.Get(name))
	return v
}

func (c *call) number(name string) int {
	n, _ := strconv.Atoi(c.query.Get(name))
	return n
}

func (c *call) time(name string) time.Time {
	t, _ := time.Parse(time.RFC3339, c.query.Get(name))
	return t
}

// with is the address of the request with another value of a parameter.
func (c *call) with(name, value string) string {
	q := maps.Clone(c.query)
	q[name] = []string{value}
	return c.r.URL.Path + "?" + q.Encode()
}

// next adds the link to the next page to the headers.
func (c *call) next(address string) string {
	c.w.Header().Set("Link", "<"+address+`>; rel="next"`)
	return address
}
