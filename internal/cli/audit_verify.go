package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/client"
)

func newAuditVerify(deps Deps) *cobra.Command {
	to := reach{deps: deps}
	var out format
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Find out whether the audit trail is as it was written",
		Long: `Has the server read all of the audit trail, whether it is in a file or in PostgreSQL:
each record carries a keyed hash of the one before, so that a record that was changed,
removed or put in between is found, and where. It fails, with an exit code of 1, unless
the trail is whole. What it can't find is that the whole store is one of before: keep
exports elsewhere.`,
		Example: "  fixpoint audit verify\n  fixpoint audit verify -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := to.server("the audit trail")
			if err != nil {
				return err
			}
			check, err := s.VerifyAudit(cmd.Context())
			if err != nil {
				return err
			}
			return tellCheck(cmd.OutOrStdout(), out, check)
		},
	}
	to.bind(cmd)
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// tellCheck prints what was found; a trail that is not whole is an error as well.
func tellCheck(w io.Writer, out format, check client.AuditCheck) error {
	if out != formatTable {
		if err := out.data(w, check); err != nil {
			return err
		}
		if !check.Whole {
			return &codedError{code: exitError}
		}
		return nil
	}
	if !check.Whole {
		return fmt.Errorf("%s. %s. Leave the store as it is, find out who may write to it, and compare it with an export", check.Broken, reliable(check))
	}
	if check.Records == 0 {
		printf(w, "The audit trail is whole: it has no records yet.\n")
		return nil
	}
	printf(w, "The audit trail is whole: %s, from %s to %s, each as it was written.\n",
		plural(check.Records, "record"), moments(check.From), moments(check.To))
	if check.First > 1 {
		printf(w, "It begins with record %d: older ones have gone by their age (--keep-audit).\n", check.First)
	}
	return nil
}

// reliable says what of a trail that is not whole can be relied on.
func reliable(check client.AuditCheck) string {
	if check.Records == 0 {
		return "No record is known to be as it was written"
	}
	return fmt.Sprintf("Up to there records are as they were written: %d, from %s to %s", check.Records, moments(check.From), moments(check.To))
}

func moments(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
