package helm

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// site is a call in a template whose place is known.
type site struct {
	function string
	// file is the template's path in its chart, line counts from 1.
	file string
	line int
}

// separator stands between a function's name and the number of a site.
const separator = "__"

// markCalls gives each call of a watched function a name of its own: the engine
// does not tell a function where it was called from. Nothing but the column of
// later text on the line changes. Text that can't be parsed is left as it is:
// the engine will complain.
func markCalls(file string, text []byte, sites map[string]site) []byte {
	if !slices.ContainsFunc(watchedNames, func(name string) bool { return bytes.Contains(text, []byte(name)) }) {
		return text
	}
	found, ok := findCalls(file, string(text))
	if !ok || len(found) == 0 {
		return text
	}
	var out bytes.Buffer
	at := 0
	for _, pos := range found {
		name := identifier(text[pos:])
		marked := name + separator + strconv.Itoa(len(sites))
		sites[marked] = site{name, file, 1 + bytes.Count(text[:pos], []byte("\n"))}
		out.Write(text[at:pos])
		out.WriteString(marked)
		at = pos + len(name)
	}
	out.Write(text[at:])
	return out.Bytes()
}

// identifier is the name that text begins with.
func identifier(text []byte) string {
	end := bytes.IndexFunc(text, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(text)
	}
	return string(text[:end])
}

// findCalls are the offsets of the calls of watched functions, ascending.
func findCalls(file, text string) (found []int, ok bool) {
	tree := parse.New(file)
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return nil, false
	}
	trees["\x00"] = tree
	for _, t := range trees {
		if t.Root != nil {
			walk(t.Root, func(n *parse.IdentifierNode) {
				if watched(n.Ident) != nil && identifier([]byte(text[n.Pos:])) == n.Ident {
					found = append(found, int(n.Pos))
				}
			})
		}
	}
	slices.Sort(found)
	return slices.Compact(found), true
}

// walk calls visit for every name of a function below n.
func walk(n parse.Node, visit func(*parse.IdentifierNode)) {
	switch n := n.(type) {
	case *parse.IdentifierNode:
		visit(n)
	case *parse.ListNode:
		if n != nil {
			for _, c := range n.Nodes {
				walk(c, visit)
			}
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				walk(c, visit)
			}
		}
	case *parse.CommandNode:
		for _, c := range n.Args {
			walk(c, visit)
		}
	case *parse.ChainNode:
		walk(n.Node, visit)
	case *parse.TemplateNode:
		walk(n.Pipe, visit)
	case *parse.IfNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, visit)
	}
}

func walkBranch(n *parse.BranchNode, visit func(*parse.IdentifierNode)) {
	walk(n.Pipe, visit)
	walk(n.List, visit)
	walk(n.ElseList, visit)
}

// place says where a site is, for people.
func (s site) place(dir string) string {
	return fmt.Sprintf("%s, line %d", path.Join(dir, strings.ReplaceAll(s.file, unpacked, "")), s.line)
}
