      *> What BENEFIT is asked and what it answers; fen, flags Y or N.
       01  BENEFIT-ASKED.
           05  BA-TOTAL       PIC S9(12).
           05  BA-FULLSELF    PIC S9(12).
           05  BA-PRESELF     PIC S9(12).
           05  BA-OVERLMT     PIC S9(12).
           05  BA-INSCOPE     PIC S9(12).
           05  BA-DEDC-LEFT   PIC S9(12).
           05  BA-POOL-CUM    PIC S9(12).
           05  BA-BALANCE     PIC S9(12).
           05  BA-EMPLOYEE    PIC X.
           05  BA-INPATIENT   PIC X.
           05  BA-RETIRED     PIC X.
           05  BA-CIVIL       PIC X.
           05  BA-POOR        PIC X.
           05  BA-ACCT-FLAG   PIC X.
       01  SHARES.
           05  SH-TOTAL       PIC S9(12).
           05  SH-FUND        PIC S9(12).
           05  SH-ACCT        PIC S9(12).
           05  SH-CASH        PIC S9(12).
           05  SH-POOL        PIC S9(12).
           05  SH-LARGE       PIC S9(12).
           05  SH-ILLNESS     PIC S9(12).
           05  SH-CIVIL       PIC S9(12).
           05  SH-CORP        PIC S9(12).
           05  SH-AID         PIC S9(12).
           05  SH-OTHER       PIC S9(12).
           05  SH-FULLSELF    PIC S9(12).
           05  SH-PRESELF     PIC S9(12).
           05  SH-OVERLMT     PIC S9(12).
           05  SH-INSCOPE     PIC S9(12).
           05  SH-DEDC        PIC S9(12).
           05  SH-BALANCE     PIC S9(12).
