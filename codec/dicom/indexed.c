/* SPDX-License-Identifier: Apache-2.0 */
/* indexed: the table itself (keywords, VRs and levels as in PS3.6 and PS3.3) and the look-ups in it. The Patient Study
 * module's attributes (age, size, weight ...) stand at study level as in PS3.3 C.7.2.2, and follow the patient's latest
 * object all the same. */
#include "codec/dicom/indexed.h"

#include "engine/base/check.h"

#include <string.h>

#define FOLLOWS_PATIENT (1 + INDEXED_PATIENT)
#define FOLLOWS_STUDY (1 + INDEXED_STUDY)
#define FOLLOWS_SERIES (1 + INDEXED_SERIES)

/* tag, code, level, VR, multiple values, trigger, bytes kept at most, keyword */
static const struct indexed_attribute table[] = {
    {0x00080005, 1, INDEXED_INSTANCE, "CS", 1, 0, 256, "SpecificCharacterSet"},
    {0x00080008, 2, INDEXED_INSTANCE, "CS", 1, 0, 256, "ImageType"},
    {0x00080012, 3, INDEXED_INSTANCE, "DA", 0, 0, 32, "InstanceCreationDate"},
    {0x00080013, 4, INDEXED_INSTANCE, "TM", 0, 0, 32, "InstanceCreationTime"},
    {0x00080016, 5, INDEXED_INSTANCE, "UI", 0, 0, 128, "SOPClassUID"},
    {0x00080018, 6, INDEXED_INSTANCE, "UI", 0, 0, 128, "SOPInstanceUID"},
    {0x00080020, 7, INDEXED_STUDY, "DA", 0, FOLLOWS_STUDY, 32, "StudyDate"},
    {0x00080021, 8, INDEXED_SERIES, "DA", 0, FOLLOWS_SERIES, 32, "SeriesDate"},
    {0x00080022, 9, INDEXED_INSTANCE, "DA", 0, 0, 32, "AcquisitionDate"},
    {0x00080023, 10, INDEXED_INSTANCE, "DA", 0, 0, 32, "ContentDate"},
    {0x0008002A, 11, INDEXED_INSTANCE, "DT", 0, 0, 64, "AcquisitionDateTime"},
    {0x00080030, 12, INDEXED_STUDY, "TM", 0, FOLLOWS_STUDY, 32, "StudyTime"},
    {0x00080031, 13, INDEXED_SERIES, "TM", 0, FOLLOWS_SERIES, 32, "SeriesTime"},
    {0x00080032, 14, INDEXED_INSTANCE, "TM", 0, 0, 32, "AcquisitionTime"},
    {0x00080033, 15, INDEXED_INSTANCE, "TM", 0, 0, 32, "ContentTime"},
    {0x00080050, 16, INDEXED_STUDY, "SH", 0, FOLLOWS_STUDY, 128, "AccessionNumber"},
    {0x00080060, 17, INDEXED_SERIES, "CS", 0, FOLLOWS_SERIES, 64, "Modality"},
    {0x00080070, 18, INDEXED_SERIES, "LO", 0, FOLLOWS_SERIES, 256, "Manufacturer"},
    {0x00080080, 19, INDEXED_SERIES, "LO", 0, FOLLOWS_SERIES, 256, "InstitutionName"},
    {0x00080090, 20, INDEXED_STUDY, "PN", 0, FOLLOWS_STUDY, 512, "ReferringPhysicianName"},
    {0x00080201, 21, INDEXED_INSTANCE, "SH", 0, 0, 128, "TimezoneOffsetFromUTC"},
    {0x00081010, 22, INDEXED_SERIES, "SH", 0, 0, 128, "StationName"},
    {0x00081030, 23, INDEXED_STUDY, "LO", 0, FOLLOWS_STUDY, 256, "StudyDescription"},
    {0x0008103E, 24, INDEXED_SERIES, "LO", 0, FOLLOWS_SERIES, 256, "SeriesDescription"},
    {0x00081040, 25, INDEXED_SERIES, "LO", 0, 0, 256, "InstitutionalDepartmentName"},
    {0x00081050, 26, INDEXED_SERIES, "PN", 1, 0, 1024, "PerformingPhysicianName"},
    {0x00081060, 27, INDEXED_STUDY, "PN", 1, FOLLOWS_STUDY, 1024, "NameOfPhysiciansReadingStudy"},
    {0x00081070, 28, INDEXED_SERIES, "PN", 1, 0, 1024, "OperatorsName"},
    {0x00081080, 29, INDEXED_STUDY, "LO", 1, FOLLOWS_STUDY, 1024, "AdmittingDiagnosesDescription"},
    {0x00081090, 30, INDEXED_SERIES, "LO", 0, FOLLOWS_SERIES, 256, "ManufacturerModelName"},
    {0x00100010, 31, INDEXED_PATIENT, "PN", 0, FOLLOWS_PATIENT, 512, "PatientName"},
    {0x00100020, 32, INDEXED_PATIENT, "LO", 0, FOLLOWS_PATIENT, 256, "PatientID"},
    {0x00100021, 33, INDEXED_PATIENT, "LO", 0, 0, 256, "IssuerOfPatientID"},
    {0x00100022, 34, INDEXED_PATIENT, "CS", 0, 0, 64, "TypeOfPatientID"},
    {0x00100030, 35, INDEXED_PATIENT, "DA", 0, FOLLOWS_PATIENT, 32, "PatientBirthDate"},
    {0x00100032, 36, INDEXED_PATIENT, "TM", 0, FOLLOWS_PATIENT, 32, "PatientBirthTime"},
    {0x00100040, 37, INDEXED_PATIENT, "CS", 0, FOLLOWS_PATIENT, 64, "PatientSex"},
    {0x00101000, 38, INDEXED_PATIENT, "LO", 1, FOLLOWS_PATIENT, 1024, "OtherPatientIDs"},
    {0x00101001, 39, INDEXED_PATIENT, "PN", 1, FOLLOWS_PATIENT, 1024, "OtherPatientNames"},
    {0x00101010, 40, INDEXED_STUDY, "AS", 0, FOLLOWS_PATIENT, 16, "PatientAge"},
    {0x00101020, 41, INDEXED_STUDY, "DS", 0, FOLLOWS_PATIENT, 64, "PatientSize"},
    {0x00101030, 42, INDEXED_STUDY, "DS", 0, FOLLOWS_PATIENT, 64, "PatientWeight"},
    {0x00102160, 43, INDEXED_PATIENT, "SH", 0, FOLLOWS_PATIENT, 128, "EthnicGroup"},
    {0x00102180, 44, INDEXED_STUDY, "SH", 0, FOLLOWS_PATIENT, 128, "Occupation"},
    {0x001021B0, 45, INDEXED_STUDY, "LT", 0, FOLLOWS_PATIENT, 1024, "AdditionalPatientHistory"},
    {0x00104000, 46, INDEXED_PATIENT, "LT", 0, FOLLOWS_PATIENT, 1024, "PatientComments"},
    {0x00180010, 47, INDEXED_INSTANCE, "LO", 0, 0, 256, "ContrastBolusAgent"},
    {0x00180015, 48, INDEXED_SERIES, "CS", 0, FOLLOWS_SERIES, 64, "BodyPartExamined"},
    {0x00180022, 49, INDEXED_SERIES, "CS", 1, FOLLOWS_SERIES, 256, "ScanOptions"},
    {0x00181000, 50, INDEXED_SERIES, "LO", 0, 0, 256, "DeviceSerialNumber"},
    {0x00181030, 51, INDEXED_SERIES, "LO", 0, FOLLOWS_SERIES, 256, "ProtocolName"},
    {0x00185100, 52, INDEXED_SERIES, "CS", 0, 0, 64, "PatientPosition"},
    {0x00185101, 53, INDEXED_INSTANCE, "CS", 0, 0, 64, "ViewPosition"},
    {0x0020000D, 54, INDEXED_STUDY, "UI", 0, 0, 128, "StudyInstanceUID"},
    {0x0020000E, 55, INDEXED_SERIES, "UI", 0, 0, 128, "SeriesInstanceUID"},
    {0x00200010, 56, INDEXED_STUDY, "SH", 0, FOLLOWS_STUDY, 128, "StudyID"},
    {0x00200011, 57, INDEXED_SERIES, "IS", 0, FOLLOWS_SERIES, 32, "SeriesNumber"},
    {0x00200012, 58, INDEXED_INSTANCE, "IS", 0, 0, 32, "AcquisitionNumber"},
    {0x00200013, 59, INDEXED_INSTANCE, "IS", 0, 0, 32, "InstanceNumber"},
    {0x00200032, 60, INDEXED_INSTANCE, "DS", 1, 0, 256, "ImagePositionPatient"},
    {0x00200037, 61, INDEXED_INSTANCE, "DS", 1, 0, 256, "ImageOrientationPatient"},
    {0x00200052, 62, INDEXED_INSTANCE, "UI", 0, 0, 128, "FrameOfReferenceUID"},
    {0x00200060, 63, INDEXED_SERIES, "CS", 0, 0, 64, "Laterality"},
    {0x00200062, 64, INDEXED_INSTANCE, "CS", 0, 0, 64, "ImageLaterality"},
    {0x00201041, 65, INDEXED_INSTANCE, "DS", 0, 0, 64, "SliceLocation"},
    {0x00201070, 66, INDEXED_STUDY, "IS", 1, FOLLOWS_STUDY, 256, "OtherStudyNumbers"},
    {0x00204000, 67, INDEXED_INSTANCE, "LT", 0, 0, 1024, "ImageComments"},
    {0x00280002, 68, INDEXED_INSTANCE, "US", 0, 0, 16, "SamplesPerPixel"},
    {0x00280004, 69, INDEXED_INSTANCE, "CS", 0, 0, 64, "PhotometricInterpretation"},
    {0x00280008, 70, INDEXED_INSTANCE, "IS", 0, 0, 32, "NumberOfFrames"},
    {0x00280010, 71, INDEXED_INSTANCE, "US", 0, 0, 16, "Rows"},
    {0x00280011, 72, INDEXED_INSTANCE, "US", 0, 0, 16, "Columns"},
    {0x00280030, 73, INDEXED_INSTANCE, "DS", 1, 0, 256, "PixelSpacing"},
    {0x00280100, 74, INDEXED_INSTANCE, "US", 0, 0, 16, "BitsAllocated"},
    {0x00280101, 75, INDEXED_INSTANCE, "US", 0, 0, 16, "BitsStored"},
    {0x00280103, 76, INDEXED_INSTANCE, "US", 0, 0, 16, "PixelRepresentation"},
    {0x00280301, 77, INDEXED_INSTANCE, "CS", 0, 0, 64, "BurnedInAnnotation"},
    {0x00282110, 78, INDEXED_INSTANCE, "CS", 0, 0, 64, "LossyImageCompression"},
    {0x00321032, 79, INDEXED_STUDY, "PN", 0, 0, 512, "RequestingPhysician"},
    {0x00321060, 80, INDEXED_STUDY, "LO", 0, 0, 256, "RequestedProcedureDescription"},
    {0x00380010, 81, INDEXED_STUDY, "LO", 0, 0, 256, "AdmissionID"},
    {0x00400244, 82, INDEXED_SERIES, "DA", 0, 0, 32, "PerformedProcedureStepStartDate"},
    {0x00400245, 83, INDEXED_SERIES, "TM", 0, 0, 32, "PerformedProcedureStepStartTime"},
    {0x00400253, 84, INDEXED_SERIES, "SH", 0, 0, 128, "PerformedProcedureStepID"},
    {0x00400254, 85, INDEXED_SERIES, "LO", 0, 0, 256, "PerformedProcedureStepDescription"},
    {0x0040A491, 86, INDEXED_INSTANCE, "CS", 0, 0, 64, "CompletionFlag"},
    {0x0040A493, 87, INDEXED_INSTANCE, "CS", 0, 0, 64, "VerificationFlag"},
    {0x00420010, 88, INDEXED_INSTANCE, "ST", 0, 0, 1024, "DocumentTitle"},
    {0x00700080, 89, INDEXED_INSTANCE, "CS", 0, 0, 64, "ContentLabel"},
    {0x00700081, 90, INDEXED_INSTANCE, "LO", 0, 0, 256, "ContentDescription"},
    {0x00700084, 91, INDEXED_INSTANCE, "PN", 0, 0, 512, "ContentCreatorName"},
    {0x00880200, 92, INDEXED_INSTANCE, "SQ", 0, 0, 0, "IconImageSequence"},
};

_Static_assert(array_count(table) < INDEXED_COUNT_MAX, "codes are bytes");

const struct indexed_attribute *indexed_table(size_t *count) {
    *count = array_count(table);
    return table;
}

const struct indexed_attribute *indexed_find(uint32_t tag) {
    size_t low = 0, high = array_count(table);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table[middle].tag == tag) return &table[middle];
        if (table[middle].tag < tag) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

const struct indexed_attribute *indexed_by_keyword(const char *keyword) {
    for (size_t i = 0; i < array_count(table); i++) {
        if (strcmp(table[i].keyword, keyword) == 0) return &table[i];
    }
    return NULL;
}

const struct indexed_attribute *indexed_by_code(uint8_t code) {
    for (size_t i = 0; i < array_count(table); i++) {
        if (table[i].code == code) return &table[i];
    }
    return NULL;
}
