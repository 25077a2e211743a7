package helm

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

const schemaFile = "values.schema.json"

// validate checks values against the schemas of a chart and its dependencies.
func (r *run) validate(c *chart.Chart, vals map[string]any) error {
	var problems []string
	if err := r.validateChart(c, vals, &problems); err != nil {
		return err
	}
	if len(problems) == 0 {
		return nil
	}
	const most = 10
	if more := len(problems) - most; more > 0 {
		problems = append(problems[:most], fmt.Sprintf("and %d more", more))
	}
	return model.Invalidf("chart %s: values against the schema: %s", r.dir, strings.Join(problems, "; "))
}

func (r *run) validateChart(c *chart.Chart, vals map[string]any, problems *[]string) error {
	if c.Schema != nil {
		found, err := r.validateOne(c, vals)
		if err != nil {
			return err
		}
		*problems = append(*problems, found...)
	}
	for _, d := range c.Dependencies() {
		switch sub := vals[d.Name()].(type) {
		case nil:
		case map[string]any:
			if err := r.validateChart(d, sub, problems); err != nil {
				return err
			}
		default:
			*problems = append(*problems, d.Name()+": values have to be a map")
		}
	}
	return nil
}

// validateOne checks against one schema. What it refers to elsewhere is not
// fetched and allows everything.
func (r *run) validateOne(c *chart.Chart, vals map[string]any) (problems []string, err error) {
	place := fmt.Sprintf("the %s of chart %s", schemaFile, c.ChartFullPath())
	defer func() {
		if recover() != nil {
			err = model.Invalidf("%s can't be used", place)
		}
	}()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.Schema))
	if err != nil {
		return nil, model.Invalidf("%s is no JSON: %w", place, err)
	}
	const at = "file:///" + schemaFile
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(unfetched{func(url string) {
		r.in.Warnf("%s refers to %s, which is not fetched: that part is not checked", place, publicURL(url))
	}})
	if err := compiler.AddResource(at, schema); err != nil {
		return nil, model.Invalidf("%s is no schema: %w", place, err)
	}
	compiled, err := compiler.Compile(at)
	if err != nil {
		return nil, model.Invalidf("%s is no schema: %s", place, strings.ReplaceAll(err.Error(), at, schemaFile))
	}
	if vals == nil {
		vals = map[string]any{}
	}
	var invalid *jsonschema.ValidationError
	if err := compiled.Validate(vals); errors.As(err, &invalid) {
		// The library goes through maps.
		return slices.Sorted(slices.Values(leaves(c.ChartFullPath(), invalid))), nil
	} else if err != nil {
		return nil, model.Invalidf("%s can't be used", place)
	}
	return nil, nil
}

// unfetched answers for schemas elsewhere: it reads neither disk nor network.
type unfetched struct{ tell func(url string) }

// Load is a schema that allows everything.
func (u unfetched) Load(text string) (any, error) {
	if at, err := url.Parse(text); err != nil || at.Scheme == "file" {
		return nil, errors.New("files can't be referred to; put the definition into " + schemaFile)
	}
	u.tell(text)
	return true, nil
}

// leaves are the single problems of a validation, without the values.
func leaves(chartName string, e *jsonschema.ValidationError) []string {
	if len(e.Causes) == 0 {
		at := strings.Join(append([]string{chartName}, e.InstanceLocation...), ".")
		return []string{at + ": " + reason(e.ErrorKind)}
	}
	var out []string
	for _, c := range e.Causes {
		out = append(out, leaves(chartName, c)...)
	}
	return out
}

// reason says what a schema wants. The library's own texts show values.
func reason(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "is of the type " + k.Got + ", and has to be " + strings.Join(k.Want, " or ")
	case *kind.Required:
		return "lacks " + strings.Join(k.Missing, ", ")
	case *kind.AdditionalProperties:
		return "has unknown keys: " + strings.Join(k.Properties, ", ")
	case *kind.Enum:
		return "has to be one of " + plainValues(k.Want)
	case *kind.Const:
		return "has to be " + plainValues([]any{k.Want})
	case *kind.Pattern:
		return "has to match " + strconv.Quote(k.Want)
	case *kind.Format:
		return "is no valid " + k.Want
	case *kind.Minimum:
		return "has to be at least " + k.Want.RatString()
	case *kind.Maximum:
		return "has to be at most " + k.Want.RatString()
	case *kind.ExclusiveMinimum:
		return "has to be more than " + k.Want.RatString()
	case *kind.ExclusiveMaximum:
		return "has to be less than " + k.Want.RatString()
	case *kind.MinLength:
		return fmt.Sprintf("has to have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("has to have at most %d characters", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("has to have at least %d items", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has to have at most %d items", k.Want)
	}
	if path := k.KeywordPath(); len(path) > 0 {
		return "does not meet the rule " + path[0]
	}
	return "is not allowed"
}

// plainValues are values of the schema itself.
func plainValues(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprintf("%v", v)
	}
	return strings.Join(texts, ", ")
}
