      *> dajizhong: its records, as a COBOL program sees them.
      *>
      *> A frame is six digits (the length of what follows), then
      *> DJZ-HEADER, then the body of the transaction. Q is a request,
      *> R its answer. Repeating groups hold H-REC-CNT records. Text is
      *> GBK, left-aligned, filled with blanks; amounts are fen.
      *> No body: 200002-R, 600003-R, 900002-Q, 900002-R. 400002 has the
      *> bodies of 400001, 500002-Q that of 500001-Q.
      *> [amounts in fen]
      *> In brackets: what a copybook can not say, for import-copybook.
       01  DJZ-HEADER.  *> [layout head-Q head-R]
      *>   "01"
           05  H-VERSION          PIC X(02).  *> [code]
      *>   Q request / R response
           05  H-KIND             PIC X(01).  *> [code]
      *>   transaction code
           05  H-TRAN             PIC 9(06).
      *>   1 local->gateway, 2 gateway->local
           05  H-DIR              PIC X(01).  *> [code]
      *>   sender node code
           05  H-SENDER           PIC X(12).  *> [code]
      *>   receiver node code
           05  H-RECEIVER         PIC X(12).  *> [code]
      *>   sender serial; the response echoes it
           05  H-SERIAL           PIC X(20).  *> [code]
      *>   original transaction (5xxxxx only) else spaces
           05  H-ORG-TRAN         PIC X(06).  *> [code]
      *>   original serial (5xxxxx only) else spaces
           05  H-ORG-SERIAL       PIC X(20).  *> [code]
      *>   region of treatment
           05  H-TREAT-RGN        PIC X(06).  *> [code]
      *>   region of insurance
           05  H-INSU-RGN         PIC X(06).  *> [code]
      *>   hospital code
           05  H-HOSP             PIC X(12).  *> [code]
      *>   operator
           05  H-OPER             PIC X(10).  *> [code]
      *>   sender clock YYYYMMDD
           05  H-DATE             PIC 9(08).
      *>   sender clock HHMMSS
           05  H-TIME             PIC 9(06).
      *>   accounting date; in a response the server's
           05  H-BUS-DATE         PIC 9(08).
      *>   response: "000000" or error; request: spaces
           05  H-RET-CODE         PIC X(06).  *> [code]
      *>   response: text; request: spaces
           05  H-RET-MSG          PIC X(60).  *> [text]
      *>   response: receiver serial; request: spaces
           05  H-CTR-SERIAL       PIC X(20).  *> [code]
      *>   page, from 0001
           05  H-PAGE             PIC 9(04).
      *>   Y more pages / N
           05  H-MORE             PIC X(01).  *> [code]
      *>   records in the repeating group, 0000..0500
           05  H-REC-CNT          PIC 9(04).
      *>   CRC-32, upper-case hex, see text
           05  H-MAC              PIC X(08).  *> [code]
      *>   spaces
           05  H-FILLER           PIC X(17).  *> [text]

      *> 100001-Q person query: fixed 91 bytes
       01  DJZ-100001-Q.  *> [layout 100001-Q]
      *>   C card / I certificate / P person number
           05  PQ-KIND            PIC X(01).  *> [code required]
           05  PQ-VALUE           PIC X(30).  *> [code required personal]
      *>   optional, checked if not blank
           05  PQ-NAME            PIC X(50).  *> [text personal]
           05  PQ-MED-CAT         PIC X(02).  *> [code]
      *>   date of visit
           05  PQ-DATE            PIC 9(08).

      *> 100001-R: fixed 122 bytes, group 110
       01  DJZ-100001-R.  *> [layout 100001-R]
           05  PR-PSN-NO          PIC X(20).  *> [code personal]
           05  PR-CARD-NO         PIC X(20).  *> [code personal]
           05  PR-CERT-TYPE       PIC X(03).  *> [code]
           05  PR-CERT-NO         PIC X(20).  *> [code personal]
           05  PR-NAME            PIC X(50).  *> [text personal]
           05  PR-SEX             PIC X(01).  *> [code]
           05  PR-BIRTH           PIC 9(08).  *> [personal]
      *>   @122, 110 bytes each
           05  PR-INSU            OCCURS 0 TO 5 DEPENDING ON H-REC-CNT.
               10  PR-INS-TYPE        PIC X(02).  *> [code]
               10  PR-PSN-CAT         PIC X(02).  *> [code]
      *>       A active S suspended T terminated
               10  PR-STATE           PIC X(01).  *> [code]
      *>       personal account
               10  PR-BALANCE         PIC S9(12) SIGN LEADING SEPARATE.
      *>       Y/N civil servant
               10  PR-CIVIL           PIC X(01).  *> [code]
      *>       Y/N low income
               10  PR-POOR            PIC X(01).  *> [code]
      *>       Y/N
               10  PR-FROZEN          PIC X(01).  *> [code]
      *>       in-patient stays this year
               10  PR-IN-TIMES        PIC 9(03).
      *>       pool paid this year
               10  PR-POOL-CUM        PIC S9(12) SIGN LEADING SEPARATE.
      *>       deductible of this visit
               10  PR-DEDC            PIC S9(12) SIGN LEADING SEPARATE.
      *>       employer
               10  PR-UNIT            PIC X(60).  *> [text]

      *> 200001-Q register: fixed 378 bytes
       01  DJZ-200001-Q.  *> [layout 200001-Q]
      *>   hospital visit number
           05  RQ-VISIT-NO        PIC X(20).  *> [code required]
           05  RQ-PSN-NO          PIC X(20).  *> [code required personal]
           05  RQ-NAME            PIC X(50).  *> [text required personal]
           05  RQ-INS-TYPE        PIC X(02).  *> [code]
           05  RQ-MED-CAT         PIC X(02).  *> [code required]
           05  RQ-TIME            PIC 9(14).  *> [required]
      *>   ICD-10
           05  RQ-DIAG            PIC X(20).  *> [code]
           05  RQ-DIAG-NAME       PIC X(60).  *> [text]
           05  RQ-DEPT            PIC X(30).  *> [text]
           05  RQ-BED             PIC X(10).  *> [text]
           05  RQ-DR-CODE         PIC X(20).  *> [code]
           05  RQ-DR-NAME         PIC X(50).  *> [text]
           05  RQ-HOSP-NAME       PIC X(60).  *> [text]
      *>   may be blank
           05  RQ-FILING-NO       PIC X(20).  *> [code]

      *> 200001-R: fixed 53 bytes
       01  DJZ-200001-R.  *> [layout 200001-R]
      *>   visit id of the insuring side
           05  RR-CTR-VISIT       PIC X(20).  *> [code]
           05  RR-VISIT-NO        PIC X(20).  *> [code]
           05  RR-DEDC            PIC S9(12) SIGN LEADING SEPARATE.

      *> 200002-Q cancel register: fixed 40 bytes
       01  DJZ-200002-Q.  *> [layout 200002-Q]
           05  RC-CTR-VISIT       PIC X(20).  *> [code required]
           05  RC-VISIT-NO        PIC X(20).  *> [code required]

      *> 300001-Q fee details: fixed 53 bytes, group 495
       01  DJZ-300001-Q.  *> [layout 300001-Q]
           05  FQ-CTR-VISIT       PIC X(20).  *> [code required]
           05  FQ-VISIT-NO        PIC X(20).  *> [code required]
      *>   sum of FQ-AMT
           05  FQ-SUM             PIC S9(12) SIGN LEADING SEPARATE.  *> [required]
      *>   @53, 495 bytes each
           05  FQ-LINE            OCCURS 1 TO 500
                   DEPENDING ON H-REC-CNT.
      *>       unique within the visit
               10  FQ-LINE-NO         PIC X(20).  *> [code required]
               10  FQ-RX-NO           PIC X(20).  *> [code]
               10  FQ-TIME            PIC 9(14).  *> [required]
               10  FQ-HIS-CODE        PIC X(20).  *> [code required]
               10  FQ-HIS-NAME        PIC X(60).  *> [text required]
      *>       catalogue code, blank = not mapped
               10  FQ-CTR-CODE        PIC X(30).  *> [code]
               10  FQ-CTR-NAME        PIC X(60).  *> [text]
      *>       1 drug 2 service 3 facility
               10  FQ-KIND            PIC X(01).  *> [code required]
               10  FQ-FEE-CAT         PIC X(02).  *> [code required]
      *>       yuan
               10  FQ-PRICE           PIC S9(8)V9(4)
                       SIGN LEADING SEPARATE.  *> [required]
               10  FQ-QTY             PIC S9(8)V9(4)
                       SIGN LEADING SEPARATE.  *> [required]
      *>       fen
               10  FQ-AMT             PIC S9(12) SIGN LEADING SEPARATE.  *> [required]
               10  FQ-UNIT            PIC X(10).  *> [text]
               10  FQ-SPEC            PIC X(40).  *> [text]
      *>       dosage form
               10  FQ-FORM            PIC X(20).  *> [text]
               10  FQ-DEPT            PIC X(30).  *> [text]
      *>       doctor name
               10  FQ-DR              PIC X(50).  *> [text]
      *>       A B C, by the treatment place
               10  FQ-LEVEL           PIC X(01).  *> [code required]
      *>       self-pay ratio applied
               10  FQ-RATIO           PIC 9V9(4).  *> [required]
               10  FQ-FULLSELF        PIC S9(12) SIGN LEADING SEPARATE.  *> [required]
               10  FQ-PRESELF         PIC S9(12) SIGN LEADING SEPARATE.  *> [required]
               10  FQ-OVERLMT         PIC S9(12) SIGN LEADING SEPARATE.  *> [required]
      *>       the four sum to FQ-AMT
               10  FQ-INSCOPE         PIC S9(12) SIGN LEADING SEPARATE.  *> [required]
      *>       Y needs prior approval / N
               10  FQ-APPR-FLAG       PIC X(01).  *> [code]
               10  FQ-APPR-NO         PIC X(20).  *> [code]

      *> 300001-R: fixed 13 bytes, group 104
       01  DJZ-300001-R.  *> [layout 300001-R]
           05  FR-SUM             PIC S9(12) SIGN LEADING SEPARATE.
      *>   @13, 104 bytes each
           05  FR-LINE            OCCURS 1 TO 500
                   DEPENDING ON H-REC-CNT.
               10  FR-LINE-NO         PIC X(20).  *> [code]
               10  FR-AMT             PIC S9(12) SIGN LEADING SEPARATE.
      *>       A B C
               10  FR-LEVEL           PIC X(01).  *> [code]
      *>       self-pay ratio, 10000 = 1.0000
               10  FR-RATIO           PIC 9V9(4).
      *>       price ceiling in yuan, 0 = none
               10  FR-LIMIT           PIC S9(8)V9(4)
                       SIGN LEADING SEPARATE.
               10  FR-FULLSELF        PIC S9(12) SIGN LEADING SEPARATE.
               10  FR-PRESELF         PIC S9(12) SIGN LEADING SEPARATE.
               10  FR-OVERLMT         PIC S9(12) SIGN LEADING SEPARATE.
               10  FR-INSCOPE         PIC S9(12) SIGN LEADING SEPARATE.

      *> 300002-Q cancel details: fixed 41 bytes, group 20
       01  DJZ-300002-Q.  *> [layout 300002-Q]
           05  FC-CTR-VISIT       PIC X(20).  *> [code required]
           05  FC-VISIT-NO        PIC X(20).  *> [code required]
      *>   Y all unsettled lines (no group) / N the lines listed
           05  FC-ALL             PIC X(01).  *> [code required]
      *>   @41, 20 bytes each
           05  FC-LINE            OCCURS 0 TO 500
                   DEPENDING ON H-REC-CNT.
               10  FC-LINE-NO         PIC X(20).  *> [code required]

      *> 300002-R: fixed 4 bytes
       01  DJZ-300002-R.  *> [layout 300002-R]
      *>   lines removed
           05  FD-CNT             PIC 9(04).

      *> 400001-Q trial / 400002-Q settle: fixed 206 bytes
       01  DJZ-400001-Q.  *> [layout 400001-Q 400002-Q]
           05  SQ-CTR-VISIT       PIC X(20).  *> [code required]
           05  SQ-VISIT-NO        PIC X(20).  *> [code required]
           05  SQ-PSN-NO          PIC X(20).  *> [code required personal]
      *>   hospital bill number
           05  SQ-BILL-NO         PIC X(20).  *> [code]
           05  SQ-MED-CAT         PIC X(02).  *> [code required]
      *>   settlement time
           05  SQ-TIME            PIC 9(14).  *> [required]
      *>   discharge; 14 zeros if none
           05  SQ-OUT-TIME        PIC 9(14).
      *>   0 cured 1 not cured 2 transferred 3 died 9 other
           05  SQ-OUT-REASON      PIC X(01).  *> [code]
           05  SQ-OUT-DIAG        PIC X(20).  *> [code]
           05  SQ-OUT-DIAG-NAME   PIC X(60).  *> [text]
      *>   Y use the account / N
           05  SQ-ACCT-FLAG       PIC X(01).  *> [code]
      *>   Y mid-stay / N final
           05  SQ-MID-FLAG        PIC X(01).  *> [code]
      *>   total by the hospital
           05  SQ-HIS-TOTAL       PIC S9(12) SIGN LEADING SEPARATE.  *> [required]

      *> 400001-R / 400002-R: fixed 261 bytes
       01  DJZ-400001-R.  *> [layout 400001-R 400002-R]
      *>   spaces in a trial
           05  SR-SETL-NO         PIC X(20).  *> [code]
           05  SR-BILL-NO         PIC X(20).  *> [code]
           05  SR-TOTAL           PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-FUND            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-ACCT            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-CASH            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-POOL            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-LARGE           PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-ILLNESS         PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-CIVIL           PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-CORP            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-AID             PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-OTHER           PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-FULLSELF        PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-PRESELF         PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-OVERLMT         PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-INSCOPE         PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-DEDC            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-BALANCE         PIC S9(12) SIGN LEADING SEPARATE.

      *> 400003-Q cancel settlement: fixed 174 bytes
       01  DJZ-400003-Q.  *> [layout 400003-Q]
           05  CQ-CTR-VISIT       PIC X(20).  *> [code required]
           05  CQ-VISIT-NO        PIC X(20).  *> [code required]
           05  CQ-PSN-NO          PIC X(20).  *> [code required personal]
      *>   settlement to cancel
           05  CQ-ORG-SETL-NO     PIC X(20).  *> [code required]
           05  CQ-BILL-NO         PIC X(20).  *> [code required]
           05  CQ-TIME            PIC 9(14).  *> [required]
           05  CQ-REASON          PIC X(60).  *> [text]

      *> 400003-R: fixed 281 bytes
       01  DJZ-400003-R.  *> [layout 400003-R]
      *>   spaces in a trial
           05  SR-SETL-NO         PIC X(20).  *> [code]
           05  SR-BILL-NO         PIC X(20).  *> [code]
           05  SR-TOTAL           PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-FUND            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-ACCT            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-CASH            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-POOL            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-LARGE           PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-ILLNESS         PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-CIVIL           PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-CORP            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-AID             PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-OTHER           PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-FULLSELF        PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-PRESELF         PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-OVERLMT         PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-INSCOPE         PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-DEDC            PIC S9(12) SIGN LEADING SEPARATE.
           05  SR-BALANCE         PIC S9(12) SIGN LEADING SEPARATE.
      *>   amounts are the negated original; BALANCE is the new
      *>   balance
           05  SR-ORG-SETL-NO     PIC X(20).  *> [code]

      *> 500001-Q reversal / 500002-Q inquiry: fixed 48 bytes
       01  DJZ-500001-Q.  *> [layout 500001-Q 500002-Q]
           05  VQ-PSN-NO          PIC X(20).  *> [code personal]
           05  VQ-VISIT-NO        PIC X(20).  *> [code]
      *>   H-DATE of the original
           05  VQ-ORG-DATE        PIC 9(08).

      *> 500001-R: fixed 21 bytes
       01  DJZ-500001-R.  *> [layout 500001-R]
      *>   1 reversed now, 2 never arrived: blocked, 3 reversed
      *>   earlier
           05  VR-RESULT          PIC X(01).  *> [code]
      *>   receiver serial of the original
           05  VR-ORG-CTR         PIC X(20).  *> [code]

      *> 500002-R: fixed 33 bytes
       01  DJZ-500002-R.  *> [layout 500002-R]
      *>   0 unknown 1 posted 2 refused 3 in progress 4 reversed 5
      *>   cancelled
           05  IR-STATE           PIC X(01).  *> [code]
           05  IR-ORG-RET         PIC X(06).  *> [code]
           05  IR-ORG-CTR         PIC X(20).  *> [code]
      *>   bytes of the original response body, else 000000
           05  IR-ORG-LEN         PIC 9(06).
      *>   @33 the original answer body
           05  IR-ORG-BODY        PIC X OCCURS 0 TO 262144
                   DEPENDING ON IR-ORG-LEN.  *> [skip]

      *> 600001-Q totals: fixed 0 bytes, group 72
       01  DJZ-600001-Q.  *> [layout 600001-Q]
      *>   @0, 72 bytes each
           05  TQ-ROW             OCCURS 0 TO 100
                   DEPENDING ON H-REC-CNT.
               10  TQ-INS-TYPE        PIC X(02).  *> [code required]
      *>       OP out-patient IP in-patient PH pharmacy
               10  TQ-CLR-CAT         PIC X(02).  *> [code required]
      *>       positive postings
               10  TQ-POS             PIC 9(08).
      *>       negative postings
               10  TQ-NEG             PIC 9(08).
               10  TQ-TOTAL           PIC S9(12) SIGN LEADING SEPARATE.
               10  TQ-FUND            PIC S9(12) SIGN LEADING SEPARATE.
               10  TQ-ACCT            PIC S9(12) SIGN LEADING SEPARATE.
               10  TQ-CASH            PIC S9(12) SIGN LEADING SEPARATE.

      *> 600001-R: fixed 0 bytes, group 73
       01  DJZ-600001-R.  *> [layout 600001-R]
      *>   @0, 73 bytes each
           05  TR-ROW             OCCURS 0 TO 100
                   DEPENDING ON H-REC-CNT.
               10  TR-INS-TYPE        PIC X(02).  *> [code]
               10  TR-CLR-CAT         PIC X(02).  *> [code]
               10  TR-POS             PIC 9(08).
               10  TR-NEG             PIC 9(08).
               10  TR-TOTAL           PIC S9(12) SIGN LEADING SEPARATE.
               10  TR-FUND            PIC S9(12) SIGN LEADING SEPARATE.
               10  TR-ACCT            PIC S9(12) SIGN LEADING SEPARATE.
               10  TR-CASH            PIC S9(12) SIGN LEADING SEPARATE.
      *>       0 equal 1 differs 2 only asker 3 only answerer
               10  TR-RESULT          PIC X(01).  *> [code]

      *> 600002-Q detail file request: fixed 10 bytes
       01  DJZ-600002-Q.  *> [layout 600002-Q]
           05  DQ-BUS-DATE        PIC 9(08).  *> [required]
      *>   "MX"
           05  DQ-KIND            PIC X(02).  *> [code required]

      *> 600002-R: fixed 93 bytes
       01  DJZ-600002-R.  *> [layout 600002-R]
      *>   0 not ready 1 ready 2 no data
           05  DR-STATUS          PIC X(01).  *> [code]
      *>   file name, no path
           05  DR-FILE            PIC X(64).  *> [code]
      *>   bytes
           05  DR-SIZE            PIC 9(12).
      *>   CRC-32 of the file
           05  DR-CRC             PIC X(08).  *> [code]
      *>   detail records
           05  DR-CNT             PIC 9(08).

      *> 600003-Q my file is ready (notice): fixed 103 bytes
       01  DJZ-600003-Q.  *> [layout 600003-Q]
           05  DQ-BUS-DATE        PIC 9(08).  *> [required]
      *>   "MX"
           05  DQ-KIND            PIC X(02).  *> [code required]
      *>   0 not ready 1 ready 2 no data
           05  DR-STATUS          PIC X(01).  *> [code]
      *>   file name, no path
           05  DR-FILE            PIC X(64).  *> [code]
      *>   bytes
           05  DR-SIZE            PIC 9(12).
      *>   CRC-32 of the file
           05  DR-CRC             PIC X(08).  *> [code]
      *>   detail records
           05  DR-CNT             PIC 9(08).

      *> 700001-Q catalogue: fixed 15 bytes
       01  DJZ-700001-Q.  *> [layout 700001-Q]
      *>   1 drug 2 service 3 facility 4 disease
           05  KQ-KIND            PIC X(01).  *> [code required]
      *>   14 zeros = everything
           05  KQ-SINCE           PIC 9(14).

      *> 700001-R: fixed 113 bytes
       01  DJZ-700001-R.  *> [layout 700001-R]
      *>   0 not ready 1 ready 2 no data
           05  DR-STATUS          PIC X(01).  *> [code]
      *>   file name, no path
           05  DR-FILE            PIC X(64).  *> [code]
      *>   bytes
           05  DR-SIZE            PIC 9(12).
      *>   CRC-32 of the file
           05  DR-CRC             PIC X(08).  *> [code]
      *>   detail records
           05  DR-CNT             PIC 9(08).
           05  KR-VERSION         PIC X(20).  *> [code]

      *> 800001-Q filing: fixed 116 bytes
       01  DJZ-800001-Q.  *> [layout 800001-Q]
           05  GQ-PSN-NO          PIC X(20).  *> [code personal]
           05  GQ-CERT-NO         PIC X(20).  *> [code personal]
           05  GQ-NAME            PIC X(50).  *> [text personal]
      *>   region of treatment
           05  GQ-RGN             PIC X(06).  *> [code required]
      *>   may be blank
           05  GQ-HOSP            PIC X(12).  *> [code]
           05  GQ-DATE            PIC 9(08).  *> [required]

      *> 800001-R: fixed 0 bytes, group 57
       01  DJZ-800001-R.  *> [layout 800001-R]
      *>   @0, 57 bytes each
           05  GR-ROW             OCCURS 0 TO 50 DEPENDING ON H-REC-CNT.
               10  GR-NO              PIC X(20).  *> [code]
               10  GR-TYPE            PIC X(02).  *> [code]
               10  GR-BEGIN           PIC 9(08).
      *>       99991231 = open
               10  GR-END             PIC 9(08).
      *>       may be a province, nn0000
               10  GR-RGN             PIC X(06).  *> [code]
      *>       blank = any
               10  GR-HOSP            PIC X(12).  *> [code]
      *>       V valid E expired C cancelled
               10  GR-STATE           PIC X(01).  *> [code]

      *> 900001-Q sign on: fixed 34 bytes
       01  DJZ-900001-Q.  *> [layout 900001-Q]
           05  LQ-PASSWORD        PIC X(32).  *> [text]
      *>   wanted, 01..16
           05  LQ-WINDOW          PIC 9(02).

      *> 900001-R: fixed 24 bytes
       01  DJZ-900001-R.  *> [layout 900001-R]
           05  LR-BUS-DATE        PIC 9(08).
           05  LR-CTR-TIME        PIC 9(14).
      *>   granted
           05  LR-WINDOW          PIC 9(02).

      *> detail file, header H: 240 bytes + LF
       01  DJZ-MX-H.  *> [layout MX-H]
      *>   "H"
           05  M-TYPE             PIC X(01).  *> [code]
      *>   "MX"
           05  M-KIND             PIC X(02).  *> [code]
           05  M-SENDER           PIC X(12).  *> [code]
           05  M-RECEIVER         PIC X(12).  *> [code]
           05  M-BUS-DATE         PIC 9(08).
      *>   from 001
           05  M-BATCH            PIC 9(03).
           05  M-CREATED          PIC 9(14).
           05  M-FILLER           PIC X(188).  *> [text]

      *> detail file, detail D: 240 bytes + LF
       01  DJZ-MX-D.  *> [layout MX-D]
      *>   "D"
           05  D-TYPE             PIC X(01).  *> [code]
      *>   from 1
           05  D-SEQ              PIC 9(08).
      *>   H-SERIAL of the posting
           05  D-SERIAL           PIC X(20).  *> [code]
      *>   400002 or 400003
           05  D-TRAN             PIC 9(06).
           05  D-DIR              PIC X(01).  *> [code]
           05  D-CTR-SERIAL       PIC X(20).  *> [code]
           05  D-CTR-VISIT        PIC X(20).  *> [code]
           05  D-SETL-NO          PIC X(20).  *> [code]
           05  D-ORG-SETL-NO      PIC X(20).  *> [code]
           05  D-PSN-NO           PIC X(20).  *> [code personal]
           05  D-HOSP             PIC X(12).  *> [code]
           05  D-TREAT-RGN        PIC X(06).  *> [code]
           05  D-INSU-RGN         PIC X(06).  *> [code]
           05  D-POST-TIME        PIC 9(14).
           05  D-INS-TYPE         PIC X(02).  *> [code]
           05  D-MED-CAT          PIC X(02).  *> [code]
           05  D-TOTAL            PIC S9(12) SIGN LEADING SEPARATE.
           05  D-FUND             PIC S9(12) SIGN LEADING SEPARATE.
           05  D-ACCT             PIC S9(12) SIGN LEADING SEPARATE.
           05  D-CASH             PIC S9(12) SIGN LEADING SEPARATE.
      *>   1 valid 4 reversed 5 cancelled later
           05  D-STATE            PIC X(01).  *> [code]
           05  D-FILLER           PIC X(09).  *> [text]

      *> detail file, trailer T: 240 bytes + LF
       01  DJZ-MX-T.  *> [layout MX-T]
      *>   "T"
           05  T-TYPE             PIC X(01).  *> [code]
      *>   detail records
           05  T-CNT              PIC 9(08).
           05  T-POS              PIC 9(08).
           05  T-NEG              PIC 9(08).
      *>   sums over state 1 and 5 and negative records
           05  T-TOTAL            PIC S9(12) SIGN LEADING SEPARATE.
           05  T-FUND             PIC S9(12) SIGN LEADING SEPARATE.
           05  T-ACCT             PIC S9(12) SIGN LEADING SEPARATE.
           05  T-CASH             PIC S9(12) SIGN LEADING SEPARATE.
           05  T-FILLER           PIC X(163).  *> [text]

      *> catalogue file, detail D: 256 bytes + LF
       01  DJZ-ML-D.  *> [layout ML-D]
      *>   "D"
           05  K-TYPE             PIC X(01).  *> [code]
           05  K-SEQ              PIC 9(08).
           05  K-CODE             PIC X(30).  *> [code]
           05  K-NAME             PIC X(100).  *> [text]
           05  K-KIND             PIC X(01).  *> [code]
           05  K-FEE-CAT          PIC X(02).  *> [code]
           05  K-LEVEL            PIC X(01).  *> [code]
           05  K-RATIO            PIC 9V9(4).
           05  K-LIMIT            PIC S9(8)V9(4) SIGN LEADING SEPARATE.
           05  K-UNIT             PIC X(10).  *> [text]
           05  K-SPEC             PIC X(40).  *> [text]
           05  K-FORM             PIC X(20).  *> [text]
           05  K-BEGIN            PIC 9(08).
           05  K-END              PIC 9(08).
      *>   Y/N
           05  K-VALID            PIC X(01).  *> [code]
           05  K-FILLER           PIC X(08).  *> [text]
