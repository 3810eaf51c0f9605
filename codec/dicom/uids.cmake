# UIDs, Part 10, character sets; codec/dicom/CMakeLists.txt includes this.
set(LEAT_DICOM_UIDS_SOURCES
  charset.c charset_converter.c charset_tables.c charset_terms.c part10.c uid.c uids.c uids_table.c)
