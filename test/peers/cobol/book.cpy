      *> The book: one record type a file.
       FD  COUNTER-FILE.
       01  CN-RECORD.
           05  CN-LAST        PIC 9(09).

       FD  PERSON-FILE.
       01  PS-RECORD.
           05  PS-KEY.
               10  PS-PSN-NO  PIC X(20).
               10  PS-INS     PIC X(02).
           05  PS-CARD-NO     PIC X(20).
      *>   as the region stores it, 15 or 18 digits; and in 18
           05  PS-CERT-NO     PIC X(20).
           05  PS-CERT-LONG   PIC X(20).
           05  PS-NAME        PIC X(50).
           05  PS-SEX         PIC X.
           05  PS-BIRTH       PIC 9(08).
           05  PS-CAT         PIC X(02).
           05  PS-STATE       PIC X.
           05  PS-CIVIL       PIC X.
           05  PS-POOR        PIC X.
           05  PS-FROZEN      PIC X.
           05  PS-FILED       PIC X.
           05  PS-IN-TIMES    PIC 9(03).
           05  PS-BALANCE     PIC S9(12).
           05  PS-POOL-CUM    PIC S9(12).

       FD  VISIT-FILE.
       01  VS-RECORD.
           05  VS-KEY.
               10  VS-HOSP    PIC X(12).
               10  VS-NO      PIC X(20).
           05  VS-CTR-VISIT   PIC X(20).
           05  VS-PERSON.
               10  VS-PSN-NO  PIC X(20).
               10  VS-INS     PIC X(02).
           05  VS-CAT         PIC X(02).
           05  VS-MED-CAT     PIC X(02).
           05  VS-DEDC        PIC S9(12).
           05  VS-OPEN        PIC X.
      *>   the posting that came last on this visit
           05  VS-LAST        PIC X(38).

       FD  LINE-FILE.
       01  LN-RECORD.
           05  LN-KEY.
               10  LN-CTR-VISIT PIC X(20).
               10  LN-NO      PIC X(20).
           05  LN-BATCH       PIC X(38).
           05  LN-ITEM        PIC X(31).
           05  LN-QTY         PIC S9(08)V9(04).
           05  LN-AMT         PIC S9(12).
           05  LN-FULLSELF    PIC S9(12).
           05  LN-PRESELF     PIC S9(12).
           05  LN-OVERLMT     PIC S9(12).
           05  LN-INSCOPE     PIC S9(12).
      *>   in which settlement; and in which cancelled one before
           05  LN-SETL-NO     PIC X(20).
           05  LN-WAS-IN      PIC X(20).

       FD  SETL-FILE.
       01  ST-RECORD.
           05  ST-SETL-NO     PIC X(20).
           05  ST-CTR-VISIT   PIC X(20).
      *>   settle or cancel; 1 posted 4 reversed 5 cancelled later
           05  ST-KIND        PIC X(06).
           05  ST-STATE       PIC X.
           05  ST-ORG-SETL-NO PIC X(20).
           05  ST-PSN-NO      PIC X(20).
           05  ST-MID         PIC X.
           05  ST-DATE        PIC 9(08).
           05  ST-SERIAL      PIC X(20).
           05  ST-SHARES      PIC X(204).

       FD  SERIAL-FILE.
       01  SL-RECORD.
           05  SL-KEY.
               10  SL-SENDER  PIC X(12).
               10  SL-TRAN    PIC 9(06).
               10  SL-SERIAL  PIC X(20).
      *>   1 posted 2 refused 4 reversed 0 blocked, never came
           05  SL-STATE       PIC X.
           05  SL-CONTENT     PIC X(40).
           05  SL-DATE        PIC 9(08).
           05  SL-CTR-SERIAL  PIC X(20).
           05  SL-RET         PIC X(06).
           05  SL-VISIT.
               10  SL-HOSP    PIC X(12).
               10  SL-NO      PIC X(20).
           05  SL-SETL-NO     PIC X(20).
           05  SL-LENGTH      PIC 9(06).
           05  SL-ANSWER      PIC X(52300).
