package api

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func (c *call) auditQuery() view.AuditQuery {
	return view.AuditQuery{
		Who: c.query.Get("who"), Action: c.query.Get("action"), Object: c.query.Get("object"),
		Outcome: strings.ToLower(c.query.Get("outcome")), From: c.time("from"), To: c.time("to"),
		Before: int64(c.number("before")), Limit: c.number("limit"),
	}
}

func listAudit(c *call) (any, error) {
	q := c.auditQuery()
	all, err := c.desk.Audits(c.r.Context(), q)
	if err != nil {
		return nil, err
	}
	out := Audits{Items: list(all, audit)}
	if n := len(all); n > 0 && n >= orElse(q.Limit, 100) {
		out.Next = c.next(c.with("before", strconv.FormatInt(all[n-1].ID, 10)))
	}
	return out, nil
}

func verifyAudit(c *call) (any, error) {
	check, err := c.desk.VerifyAudit(c.r.Context())
	if err != nil {
		return nil, err
	}
	return AuditCheck{
		Whole: check.Broken == "", Broken: check.Broken, Records: check.Records,
		First: check.FirstID, Last: check.LastID, From: check.First.UTC(), To: check.Last.UTC(),
	}, nil
}

// exportPage is how many records are asked for at a time.
const exportPage = 1000

// exportAudit writes all records. If it can't go on, the connection breaks, so that
// half of a trail is never taken for all of it.
func exportAudit(c *call) (any, error) {
	q := c.auditQuery()
	q.Limit = exportPage
	all, err := c.desk.Audits(c.r.Context(), q)
	if err != nil {
		return nil, err
	}
	write := c.exporter()
	for {
		for _, a := range all {
			if err := write(audit(a)); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
		if len(all) < exportPage {
			return nil, nil
		}
		q.Before = all[len(all)-1].ID
		if all, err = c.desk.Audits(c.r.Context(), q); err != nil {
			c.log.Error("exporting the audit trail", "err", err)
			panic(http.ErrAbortHandler)
		}
	}
}

// exporter begins the answer, and returns what writes a record.
func (c *call) exporter() func(Audit) error {
	h := c.w.Header()
	if strings.EqualFold(c.query.Get("format"), "csv") {
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
		h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
		out := csv.NewWriter(c.w)
		_ = out.Write([]string{"id", "at", "who", "from", "via", "action", "object", "target", "revision", "outcome", "detail"})
		out.Flush()
		return func(a Audit) error {
			cells := []string{a.Who, a.From, a.Via, a.Action, a.Object, a.Target, a.Revision, a.Outcome, a.Detail}
			for i := range cells {
				cells[i] = inert(cells[i])
			}
			err := out.Write(append([]string{strconv.FormatInt(a.ID, 10), a.At.Format(time.RFC3339Nano)}, cells...))
			out.Flush()
			return err
		}
	}
	h.Set("Content-Type", jsonLines)
	h.Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	return func(a Audit) error {
		line, err := encode(a)
		if err != nil {
			return err
		}
		_, err = c.w.Write(line)
		return err
	}
}

// inert is a cell that no spreadsheet takes for a formula: somebody who was refused
// may have chosen its text.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
