package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// discreet is a target whose errors hold none of an app's secrets: the API server
// quotes the values that it refuses.
type discreet struct {
	Target
	app model.App
}

func (d discreet) Apply(ctx context.Context, obj model.Object, manager string, how model.Write) (model.Live, error) {
	live, err := d.Target.Apply(ctx, obj, manager, how)
	if live.Warning != "" {
		live.Warning = Discreet(d.app, errors.New(live.Warning)).Error()
	}
	return live, Discreet(d.app, err)
}

func (d discreet) Delete(ctx context.Context, ref model.ObjectRef, uid, policy string) error {
	return Discreet(d.app, d.Target.Delete(ctx, ref, uid, policy))
}

func (d discreet) Release(ctx context.Context, ref model.ObjectRef, uid string) error {
	return Discreet(d.app, d.Target.Release(ctx, ref, uid))
}

func (d discreet) Compare(
	ctx context.Context, obj model.Object, manager string, how model.Write, judge model.Judge,
) (model.Judgement, error) {
	answer, err := d.Target.Compare(ctx, obj, manager, how, judge)
	return answer, Discreet(d.app, err)
}

// quoted finds what the API server says about a value that it refuses.
var quoted = regexp.MustCompile(`((?:Invalid|Unsupported|Duplicate) value: |parsing |Value:)("(?:[^"\\]|\\.)*"|[^\s:;,})]+)`)

// Discreet is an error about an object of an app, of the same kind and without the
// app's secrets. Where objects are made with secrets no refused value is shown:
// it may have been made of one.
func Discreet(app model.App, err error) error {
	if err == nil || !knowsSecrets(app) {
		return err
	}
	text := quoted.ReplaceAllString(err.Error(), `$1"(hidden)"`)
	for _, secret := range secretTexts(app) {
		if len(secret) < 4 { // it would be found in every other word
			text = strings.ReplaceAll(text, `"`+secret+`"`, `"(hidden)"`)
			continue
		}
		text = strings.ReplaceAll(text, secret, "(hidden)")
		asQuoted := fmt.Sprintf("%q", secret)
		text = strings.ReplaceAll(text, asQuoted[1:len(asQuoted)-1], "(hidden)")
	}
	if text == err.Error() {
		return err
	}
	return &hiddenError{text, err}
}

func knowsSecrets(app model.App) bool {
	return len(app.Secrets) > 0 || slices.ContainsFunc(app.Sources, func(s model.AppSource) bool { return s.Render.Decrypt != nil })
}

// secretTexts are the texts that may come out of an app's secrets, the longest
// first: each as a whole, and where it is YAML each value in it.
func secretTexts(app model.App) []string {
	var all []string
	for _, secret := range app.Secrets {
		all = append(all, string(secret), strings.TrimSpace(string(secret)))
		var value any
		if yaml.Unmarshal(secret, &value) == nil {
			all = scalars(all, value)
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(all)
}

func scalars(to []string, value any) []string {
	switch v := value.(type) {
	case nil, bool:
	case map[string]any:
		for _, one := range v {
			to = scalars(to, one)
		}
	case []any:
		for _, one := range v {
			to = scalars(to, one)
		}
	default:
		to = append(to, fmt.Sprint(v))
	}
	return to
}

// hiddenError says less than the error that it is.
type hiddenError struct {
	text string
	err  error
}

func (e *hiddenError) Error() string { return e.text }
func (e *hiddenError) Unwrap() error { return e.err }
