package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// printf writes to the terminal or a pipe. Much of it is written by others, in
// clusters, commits and logs: nothing of it steers the terminal. An error ends nothing:
// there is nobody left to tell.
func printf(w io.Writer, format string, args ...any) {
	_, _ = io.WriteString(w, model.Visible(fmt.Sprintf(format, args...)))
}

// The values of -o.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

// format is the value of -o.
type format string

func (f *format) bind(cmd *cobra.Command, preset string, others ...string) {
	all := append([]string{preset}, others...)
	*f = format(preset)
	value := &choice{value: (*string)(f), all: all}
	cmd.Flags().VarP(value, "output", "o", "output format: "+strings.Join(all, ", "))
	complete(cmd, "output", all...)
}

// choice is a flag with a few allowed values.
type choice struct {
	value *string
	all   []string
}

func (c *choice) String() string { return *c.value }
func (c *choice) Type() string   { return strings.Join(c.all, "|") }
func (c *choice) Set(v string) error {
	if !slices.Contains(c.all, v) {
		return fmt.Errorf("it has to be one of %s", strings.Join(c.all, ", "))
	}
	*c.value = v
	return nil
}

// data prints v as JSON or YAML.
func (f format) data(w io.Writer, v any) error {
	if f == formatYAML {
		out, err := yaml.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(out)
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table prints rows with aligned columns. Empty cells are shown as "-", except
// in the last column.
type table struct {
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// without leaves out a column in which nothing stands.
func (t *table) without(header string) *table {
	at := slices.Index(t.header, header)
	if at < 0 || slices.ContainsFunc(t.rows, func(row []string) bool { return row[at] != "" }) {
		return t
	}
	out := &table{header: slices.Delete(slices.Clone(t.header), at, at+1)}
	for _, row := range t.rows {
		out.rows = append(out.rows, slices.Delete(slices.Clone(row), at, at+1))
	}
	return out
}

func (t *table) print(w io.Writer) {
	last := len(t.header) - 1
	widths := make([]int, len(t.header))
	rows := append([][]string{t.header}, t.rows...)
	for _, row := range rows {
		for i := range row {
			if row[i] == "" && i < last {
				row[i] = "-"
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < last {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+3))
			}
		}
		printf(w, "%s\n", strings.TrimRight(line.String(), " "))
	}
}

// brief is the first line of a text, cut at n characters; 0 is no limit.
func brief(text string, n int) string {
	text = strings.TrimSpace(text)
	line, _, more := strings.Cut(text, "\n")
	if n <= 0 {
		return strings.Join(strings.Fields(text), " ")
	}
	runes := []rune(line)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	if more {
		return line + " …"
	}
	return line
}

// age is the time since then, as kubectl shows it.
func age(then, now time.Time) string {
	if then.IsZero() {
		return ""
	}
	return duration.HumanDuration(max(now.Sub(then), 0)) // clocks differ
}

// plural is "1 object" or "2 objects".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
