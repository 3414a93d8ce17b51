"""Names and folders as cameras write them, with the facts in each, and names of no camera."""

from __future__ import annotations

from datetime import datetime

# path on the card | maker | source | camera | recording | capture time as written | group (empty: of the time)
TABLE = """
BlackVue/Record/20260115_081502_NF.mp4          | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NR.mp4          | blackvue  | dashcam | rear           | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NI.mp4          | blackvue  | dashcam | interior       | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NO.mp4          | blackvue  | dashcam | optional       | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_EF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_PF.mp4          | blackvue  | dashcam | front          | parking | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_MR.mp4          | blackvue  | dashcam | rear           | manual  | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_IF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_OF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_AF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_TR.mp4          | blackvue  | dashcam | rear           | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_BF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_RF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_XF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_GF.mp4          | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_DI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_LI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_YI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_FI.mp4          | blackvue  | dashcam | interior       | event   | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NFS.mp4         | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NFL.mp4         | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_NF.thm          | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_PR.thm          | blackvue  | dashcam | rear           | parking | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_N.gps           | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/20260115_081502_E.3gf           | blackvue  | dashcam | front          | event   | 2026-01-15 08:15:02 |
blackvue/record/20260115_081502_nf.MP4          | blackvue  | dashcam | front          | routine | 2026-01-15 08:15:02 |
BlackVue/Record/19700101_000012_NF.mp4          | blackvue  | dashcam | front          | routine |                     | 19700101_000012
DCIM/Movie/2026_0115_081502_000123F.MP4         | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000124R.MP4         | viofo     | dashcam | rear           | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000125I.MP4         | viofo     | dashcam | interior       | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000126T.MP4         | viofo     | dashcam | telephoto      | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_F.MP4               | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_123.MP4             | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/Movie/Parking/2026_0115_081502_000127PF.MP4| viofo     | dashcam | front          | parking | 2026-01-15 08:15:02 |
DCIM/Movie/Parking/2026_0115_081502_000127PR.MP4| viofo     | dashcam | rear           | parking | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000127PI.MP4        | viofo     | dashcam | interior       | parking | 2026-01-15 08:15:02 |
DCIM/Parking/2026_0115_081502_000127F.MP4       | viofo     | dashcam | front          | parking | 2026-01-15 08:15:02 |
DCIM/Movie/RO/2026_0115_081502_000128F.MP4      | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02 |
DCIM/RO/2026_0115_081502_000128PR.MP4           | viofo     | dashcam | rear           | event   | 2026-01-15 08:15:02 |
DCIM/Movie/2026_0115_081502_000129EF.MP4        | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02 |
DCIM/Photo/2026_0115_081502_000130F.JPG         | viofo     | dashcam | front          | manual  | 2026-01-15 08:15:02 |
DCIM/Movie/20260115081502_000130.TS             | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/Movie/20260115081502_000130.MP4            | viofo     | dashcam | front          | routine | 2026-01-15 08:15:02 |
DCIM/RO/20260115081502_000131.MP4               | viofo     | dashcam | front          | event   | 2026-01-15 08:15:02 |
DCIM/Movie/Parking/20260115081502_000131P.TS    | viofo     | dashcam | front          | parking | 2026-01-15 08:15:02 |
TeslaCam/RecentClips/2026-01-15_08-15-02-front.mp4 | tesla  | dashcam | front          | routine | 2026-01-15 08:15:02 |
TeslaCam/RecentClips/2026-01-15_08-15-02-back.mp4  | tesla  | dashcam | rear           | routine | 2026-01-15 08:15:02 |
TeslaCam/RecentClips/2026-01-15_08-15-02-left_pillar.mp4 | tesla | dashcam | left-pillar | routine | 2026-01-15 08:15:02 |
TeslaCam/RecentClips/2026-01-15_08-15-02-right_repeater.mp4 | tesla | dashcam | right-repeater | routine | 2026-01-15 08:15:02 |
TeslaCam/SavedClips/2026-01-15_08-16-30/2026-01-15_08-15-02-left_repeater.mp4 | tesla | dashcam | left-repeater | event | 2026-01-15 08:15:02 | 2026-01-15_08-16-30
TeslaCam/SavedClips/2026-01-15_08-16-30/2026-01-15_08-16-02-front.mp4 | tesla | dashcam | front | event | 2026-01-15 08:16:02 | 2026-01-15_08-16-30
TeslaCam/SentryClips/2026-01-15_08-16-30/2026-01-15_08-15-02-right_pillar.mp4 | tesla | dashcam | right-pillar | event | 2026-01-15 08:15:02 | 2026-01-15_08-16-30
TeslaCam/SentryClips/2026-01-15_08-16-30/2026-01-15_08-15-02-back.mp4 | tesla | dashcam | rear | event | 2026-01-15 08:15:02 | 2026-01-15_08-16-30
TeslaCam/SentryClips/2026-01-15_08-16-30/event.json | tesla | dashcam |              | event   | 2026-01-15 08:16:30 | 2026-01-15_08-16-30
TeslaCam/SavedClips/2026-01-15_08-16-30/thumb.png   | tesla | dashcam |              | event   | 2026-01-15 08:16:30 | 2026-01-15_08-16-30
TeslaCam/SavedClips/2026-01-15_08-16-30/event.mp4   | tesla | dashcam |              | event   | 2026-01-15 08:16:30 | 2026-01-15_08-16-30
TeslaCam/SavedClips/2026-01-15_08-15-02-front.mp4 | tesla   | dashcam | front          | event   | 2026-01-15 08:15:02 |
TeslaTrackMode/2026-01-15_08-15-02-front.mp4    | tesla     | dashcam | front          | manual  | 2026-01-15 08:15:02 |
cont_rec/REC_20260115_081502_F.MP4              | thinkware | dashcam | front          | routine | 2026-01-15 08:15:02 |
cont_rec/REC_20260115_081502_R.MP4              | thinkware | dashcam | rear           | routine | 2026-01-15 08:15:02 |
cont_rec/REC_20260115_081502_I.MP4              | thinkware | dashcam | interior       | routine | 2026-01-15 08:15:02 |
cont_rec/REC_2026_01_15_08_15_02_F.MP4          | thinkware | dashcam | front          | routine | 2026-01-15 08:15:02 |
evt_rec/REC_2026_01_15_08_15_02_R.MP4           | thinkware | dashcam | rear           | event   | 2026-01-15 08:15:02 |
motion_rec/REC_2026_01_15_08_15_02_F.MP4        | thinkware | dashcam | front          | parking | 2026-01-15 08:15:02 |
evt_rec/EVT_20260115_081502_F.MP4               | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02 |
parking_rec/PAK_20260115_081502_F.MP4           | thinkware | dashcam | front          | parking | 2026-01-15 08:15:02 |
.parking_rec_sec/PAS_20260115_081502_R.MP4      | thinkware | dashcam | rear           | parking | 2026-01-15 08:15:02 |
motion_timelapse_rec/MOT_20260115_081502_I.MP4  | thinkware | dashcam | interior       | parking | 2026-01-15 08:15:02 |
manual_rec/MAN_20260115_081502_F.MP4            | thinkware | dashcam | front          | manual  | 2026-01-15 08:15:02 |
manual_rec/REC_20260115_081502_F.MP4            | thinkware | dashcam | front          | manual  | 2026-01-15 08:15:02 |
sos_rec/REC_20260115_081502_F.MP4               | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02 |
sos_rec/EXT_20260115_081502_F.MP4               | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02 |
incabin_rec/REC_20260115_081502.MP4             | thinkware | dashcam | interior       | routine | 2026-01-15 08:15:02 |
incabin_rec/REC_20260115_081502_I.MP4           | thinkware | dashcam | interior       | routine | 2026-01-15 08:15:02 |
cont_rec/REC_20260115_081502.MP4                | thinkware | dashcam | front          | routine | 2026-01-15 08:15:02 |
evt_rec/EVT_20260115_081502.MP4                 | thinkware | dashcam | front          | event   | 2026-01-15 08:15:02 |
PARK_20260115_081502.AVI                        | thinkware | dashcam | front          | parking | 2026-01-15 08:15:02 |
DCIM/100EVENT/GRMN0001.MP4                      | garmin    | dashcam | front          | event   |                     | GRMN0001
DCIM/103SAVED/GRMN0042.MP4                      | garmin    | dashcam | front          | event   |                     | GRMN0042
DCIM/105UNSVD/GRMN9999.MP4                      | garmin    | dashcam | front          | routine |                     | GRMN9999
DCIM/105UNSVD/GRMN9999.GLV                      | garmin    | dashcam | front          | routine |                     | GRMN9999
DCIM/104PARKM/GRMN0007.MP4                      | garmin    | dashcam | front          | parking |                     | GRMN0007
DCIM/101PHOTO/GRMN0008.JPG                      | garmin    | dashcam | front          | manual  |                     | GRMN0008
Videos/260115_081502_001_FH.MP4                 | nextbase  | dashcam | front          | routine | 2026-01-15 08:15:02 |
Videos/260115_081502_001_FL.MP4                 | nextbase  | dashcam | front          | routine | 2026-01-15 08:15:02 |
Protected/260115_081502_002_RH.MP4              | nextbase  | dashcam | rear           | event   | 2026-01-15 08:15:02 |
Protected/260115_081502_002_FH.MP4              | nextbase  | dashcam | front          | event   | 2026-01-15 08:15:02 |
Videos/260115_081502_003_BH.MP4                 | nextbase  | dashcam | rear           | routine | 2026-01-15 08:15:02 |
Photo/260115_081502_004_FH.JPG                  | nextbase  | dashcam | front          | manual  | 2026-01-15 08:15:02 |
Normal/NO20260115-081502-000123F.mp4            | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/Front/NO20260115-081502-000123F.mp4      | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/Back/NO20260115-081502-000123B.mp4       | 70mai     | dashcam | rear           | routine | 2026-01-15 08:15:02 |
Normal/NO20260115-081502-000123I.mp4            | 70mai     | dashcam | interior       | routine | 2026-01-15 08:15:02 |
Normal/NO20260115-081502-000123R.mp4            | 70mai     | dashcam | rear           | routine | 2026-01-15 08:15:02 |
Event/EV20260115-081502-000123F.mp4             | 70mai     | dashcam | front          | event   | 2026-01-15 08:15:02 |
Event/EV20260115-081502-000124F.mp4             | 70mai     | dashcam | front          | event   | 2026-01-15 08:15:02 |
Parking/PA20260115-081502-000125.mp4            | 70mai     | dashcam | front          | parking | 2026-01-15 08:15:02 |
Lapse/LA20260115-081502-000126.mp4              | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/NO20260115-081502.mp4                    | 70mai     | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/20260115_081502_0001_N_A.MP4             | vantrue   | dashcam | front          | routine | 2026-01-15 08:15:02 |
Normal/20260115_081502_0002_N_B.MP4             | vantrue   | dashcam | interior       | routine | 2026-01-15 08:15:02 |
Normal/20260115_081502_0003_N_C.MP4             | vantrue   | dashcam | rear           | routine | 2026-01-15 08:15:02 |
Event/20260115_081502_0003_E_C.MP4              | vantrue   | dashcam | rear           | event   | 2026-01-15 08:15:02 |
Event/20260115_081502_0003_N_A.MP4              | vantrue   | dashcam | front          | event   | 2026-01-15 08:15:02 |
Parking/20260115_081502_0004_P_A.MP4            | vantrue   | dashcam | front          | parking | 2026-01-15 08:15:02 |
DCIM/100GOPRO/GX010123.MP4                      | gopro     | creator |                |         |                     | GOPRO-0123/1
DCIM/100GOPRO/GX020123.MP4                      | gopro     | creator |                |         |                     | GOPRO-0123/2
DCIM/100GOPRO/GX120123.MP4                      | gopro     | creator |                |         |                     | GOPRO-0123/12
DCIM/100GOPRO/GX010123.THM                      | gopro     | creator |                |         |                     | GOPRO-0123/1
DCIM/100GOPRO/GL010123.LRV                      | gopro     | creator |                |         |                     | GOPRO-0123/1
DCIM/100GOPRO/GL020123.LRV                      | gopro     | creator |                |         |                     | GOPRO-0123/2
DCIM/100GOPRO/GH010124.MP4                      | gopro     | creator |                |         |                     | GOPRO-0124/1
DCIM/100GOPRO/GH020124.MP4                      | gopro     | creator |                |         |                     | GOPRO-0124/2
DCIM/100GOPRO/GXAA0001.MP4                      | gopro     | creator |                |         |                     | GOPRO-AA/1
DCIM/100GOPRO/GXAA0002.MP4                      | gopro     | creator |                |         |                     | GOPRO-AA/2
DCIM/100GOPRO/GHAB0001.MP4                      | gopro     | creator |                |         |                     | GOPRO-AB/1
DCIM/100GOPRO/GLAA0002.LRV                      | gopro     | creator |                |         |                     | GOPRO-AA/2
DCIM/100GOPRO/GOPR0125.MP4                      | gopro     | creator |                |         |                     | GOPRO-0125/1
DCIM/100GOPRO/GP010125.MP4                      | gopro     | creator |                |         |                     | GOPRO-0125/2
DCIM/100GOPRO/GP020125.MP4                      | gopro     | creator |                |         |                     | GOPRO-0125/3
DCIM/100GOPRO/GOPR0125.LRV                      | gopro     | creator |                |         |                     | GOPRO-0125/1
DCIM/100GOPRO/G0231111.JPG                      | gopro     | creator |                |         |                     | GOPRO-023
DCIM/100GOPRO/G0231112.JPG                      | gopro     | creator |                |         |                     | GOPRO-023
DCIM/100GOPRO/GS010135.360                      | gopro     | creator |                |         |                     | GOPRO-0135/1
DCIM/100GOPRO/GS020135.360                      | gopro     | creator |                |         |                     | GOPRO-0135/2
DCIM/100GOPRO/GS__8588.JPG                      | gopro     | creator |                |         |                     | GOPRO-8588
DCIM/100GOPRO/GPAA7112.JPG                      | gopro     | creator |                |         |                     | GOPRO-7112
DCIM/100GOPRO/GG010059.MP4                      | gopro     | creator |                |         |                     | GOPRO-0059/1
DCIM/100GOPRO/3D_L0002.MP4                      | gopro     | creator |                |         |                     | GOPRO-0002
DCIM/DJI_001/DJI_20260115081502_0001_D.MP4      | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/DJI_001/DJI_20260115081502_0001_D.LRF      | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/DJI_001/DJI_20260115081502_0001_D.SRT      | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/DJI_001/DJI_20260115081502_0001_T.JPG      | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/DJI_001/DJI_20260115081502_0002_D_A01.MP4  | dji       | creator |                |         | 2026-01-15 08:15:02 |
DCIM/100MEDIA/DJI_0042.MOV                      | dji       | creator |                |         |                     | DJI_0042
DCIM/100MEDIA/DJI_0042.SRT                      | dji       | creator |                |         |                     | DJI_0042
DCIM/100MEDIA/DJI_0043.DNG                      | dji       | creator |                |         |                     | DJI_0043
DCIM/Camera/PXL_20260115_081502123.mp4          | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.TS.mp4       | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.LS.mp4       | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.MP.jpg       | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.NIGHT.jpg    | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.PORTRAIT-01.COVER.jpg | pixel | phone |             |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123.RAW-02.ORIGINAL.dng | pixel | phone |               |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/PXL_20260115_081502123~2.jpg        | pixel     | phone   |                |         | 2026-01-15 08:15:02 | 20260115_081502123
DCIM/Camera/IMG_20260115_081502.jpg             | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/IMG_20260115_081502_123.jpg         | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/IMG_20260115_081502_HDR.jpg         | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/IMG_20260115_081502_BURST001_COVER.jpg | android | phone  |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/MVIMG_20260115_081502.jpg           | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/VID_20260115_081502.mp4             | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/VID_20260115_081502~2.mp4           | android   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/PANO_20260115_081502.jpg            | android   | phone   |                |         | 2026-01-15 08:15:02 |
Pictures/Screenshots/Screenshot_20260115-081502.png | android | phone |                |         | 2026-01-15 08:15:02 |
WhatsApp/Media/IMG-20260115-WA0001.jpg          | whatsapp  | phone   |                |         |                     | IMG-20260115-WA0001
WhatsApp/Media/VID-20260115-WA0002.mp4          | whatsapp  | phone   |                |         |                     | VID-20260115-WA0002
DCIM/Camera/20260115_081502.mp4                 | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502.heic                | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502_001.jpg             | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502(0).jpg              | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502_Burst01.jpg         | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/Camera/20260115_081502~2.mp4               | samsung   | phone   |                |         | 2026-01-15 08:15:02 |
DCIM/101APPLE/IMG_0001.MOV                      | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_0001.HEIC                     | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_0001.AAE                      | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_E0001.HEIC                    | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_O0001.AAE                     | iphone    | phone   |                |         |                     | IMG_0001
DCIM/101APPLE/IMG_0002.JPG                      | iphone    | phone   |                |         |                     | IMG_0002
DCIM/101APPLE/IMG_0003 2.PNG                    | iphone    | phone   |                |         |                     | IMG_0003
"""  # noqa: E501
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in TABLE.strip().splitlines()]
PATHS = [row[0] for row in ROWS]
STRANGERS = [
    "holiday.mp4", "20261399_996199_NF.mp4", "IMG_1.MOV", "GX01.MP4", "REC_2026.MP4", "2026_0115_081502_000123X.MP4",
    "clip 1.mov", "VID.mp4", "20260115.mp4", "NO2026-01.mp4", "event.json", "a", "GRMN1.MP4", "DJI_1.MP4", "GX010123",
    "SentryClips/x/event.json", "SentryClips/event.json", "2026-01-15_08-16-30/thumb.png", "GX010123.exe", "",
    "20260115_081502_NF.mp4\n", "IMG_\u0660\u0660\u0660\u0661.MOV", "20260115_081502_NF.mp4.part",
]  # fmt: skip


def split(path: str) -> tuple[list[str], str]:
    *folders, name = path.split("/")
    return folders, name


_AT = datetime(2026, 11, 20, 8, 15)
MORE = [
    # path on the card, source, maker, camera, recording, taken
    ("Record/20261120_081500_NF.mp4", "dashcam", "blackvue", "front", "routine", _AT),
    ("Record/20261120_081500_NR.mp4", "dashcam", "blackvue", "rear", "routine", _AT),
    ("Record/20261120_081500_EFS.mp4", "dashcam", "blackvue", "front", "event", _AT),
    ("Record/20261120_081500_PI.mp4", "dashcam", "blackvue", "interior", "parking", _AT),
    ("Record/20261120_081500_MF.mp4", "dashcam", "blackvue", "front", "manual", _AT),
    ("DCIM/Movie/2026_1120_081500_0012F.MP4", "dashcam", "viofo", "front", "routine", _AT),
    ("DCIM/Movie/RO/2026_1120_081500_0012R.MP4", "dashcam", "viofo", "rear", "event", _AT),
    ("DCIM/Movie/Parking/2026_1120_081500_0012PF.MP4", "dashcam", "viofo", "front", "parking", _AT),
    ("20261120081500_000012.TS", "dashcam", "viofo", "front", "routine", _AT),
    ("RecentClips/2026-11-20_08-15-00-front.mp4", "dashcam", "tesla", "front", "routine", _AT),
    ("SentryClips/2026-11-20_08-15-30/2026-11-20_08-15-00-back.mp4", "dashcam", "tesla", "rear", "event", _AT),
    ("SavedClips/x/2026-11-20_08-15-00-left_repeater.mp4", "dashcam", "tesla", "left-repeater", "event", _AT),
    ("cont_rec/REC_20261120_081500_F.MP4", "dashcam", "thinkware", "front", "routine", _AT),
    ("evt_rec/EVT_20261120_081500_R.MP4", "dashcam", "thinkware", "rear", "event", _AT),
    ("parking_rec/PAK_20261120_081500_I.MP4", "dashcam", "thinkware", "interior", "parking", _AT),
    ("DCIM/105EVENT/GRMN0023.MP4", "dashcam", "garmin", "front", "event", None),
    ("DCIM/105UNSVD/GRMN0024.MP4", "dashcam", "garmin", "front", "routine", None),
    ("DCIM/105PARKM/GRMN0025.MP4", "dashcam", "garmin", "front", "parking", None),
    ("Protected/261120_081500_001_RH.MP4", "dashcam", "nextbase", "rear", "event", _AT),
    ("Normal/NO20261120-081500-000012F.MP4", "dashcam", "70mai", "front", "routine", _AT),
    ("Event/EV20261120-081500-000012B.MP4", "dashcam", "70mai", "rear", "event", _AT),
    ("20261120_081500_0001_E_A.MP4", "dashcam", "vantrue", "front", "event", _AT),
    ("DCIM/100GOPRO/GX010023.MP4", "creator", "gopro", None, None, None),
    ("DJI_20261120081500_0001_D.MP4", "creator", "dji", None, None, _AT),
    ("PXL_20261120_081500123.TS.mp4", "phone", "pixel", None, None, _AT),
    ("VID_20261120_081500.mp4", "phone", "android", None, None, _AT),
    ("20261120_081500.mp4", "phone", "samsung", None, None, _AT),
    ("IMG_1234.MOV", "phone", "iphone", None, None, None),
]
