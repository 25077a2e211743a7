package history

import (
	"strconv"
	"strings"
)

// clause collects the conditions of a query with their arguments.
type clause struct {
	conditions []string
	args       []any
}

// and adds a condition: each "?" stands for one of the values.
func (c *clause) and(condition string, values ...any) {
	for _, v := range values {
		c.args = append(c.args, v)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(c.args)), 1)
	}
	c.conditions = append(c.conditions, condition)
}

// andEqual adds a condition unless the value is "", which asks for nothing.
func (c *clause) andEqual(column, value string) {
	if value != "" {
		c.and(column+" = ?", value)
	}
}

// andOne adds the condition that the column is one of the values, of which no more
// than maxValues count; none ask for nothing.
func (c *clause) andOne(column string, values []string) {
	if len(values) == 0 {
		return
	}
	values = values[:min(len(values), maxValues)]
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	c.and(column+" IN ("+strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")+")", args...)
}

const maxValues = 100

// query is a SELECT with the conditions, an order and a limit.
func (c *clause) query(selected, order string, limit int) (query string, args []any) {
	query = selected
	if len(c.conditions) > 0 {
		query += " WHERE " + strings.Join(c.conditions, " AND ")
	}
	return query + " ORDER BY " + order + " LIMIT " + strconv.Itoa(limit), c.args
}

// limited is a limit within its bounds; 0 and less is the default.
func limited(limit, byDefault, most int) int {
	if limit <= 0 {
		return byDefault
	}
	return min(limit, most)
}

// tuples are the placeholders of count rows of width values each, from $1 on.
func tuples(count, width int) string {
	var b strings.Builder
	for i := range count * width {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%width == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(")")
	return b.String()
}
