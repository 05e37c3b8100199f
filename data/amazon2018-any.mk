# Amazon review data, 1996 to 2018 (Ni, Li and McAuley, EMNLP 2019): DATASET=amazon2018-instruments, -industrial, ...
# These are the published 5-core files; SUBSET= takes all reviews. Another category: DATASET=amazon2018-books CATEGORY=Books.
category.appliances  = Appliances
category.arts        = Arts_Crafts_and_Sewing
category.automotive  = Automotive
category.beauty      = All_Beauty
category.books       = Books
category.clothing    = Clothing_Shoes_and_Jewelry
category.electronics = Electronics
category.fashion     = AMAZON_FASHION
category.games       = Video_Games
category.grocery     = Grocery_and_Gourmet_Food
category.home        = Home_and_Kitchen
category.industrial  = Industrial_and_Scientific
category.instruments = Musical_Instruments
category.kindle      = Kindle_Store
category.luxury      = Luxury_Beauty
category.magazines   = Magazine_Subscriptions
category.movies      = Movies_and_TV
category.music       = Digital_Music
category.office      = Office_Products
category.patio       = Patio_Lawn_and_Garden
category.pets        = Pet_Supplies
category.phones      = Cell_Phones_and_Accessories
category.software    = Software
category.sports      = Sports_and_Outdoors
category.tools       = Tools_and_Home_Improvement
category.toys        = Toys_and_Games

include $(dir $(lastword $(MAKEFILE_LIST)))category.mk

AMAZON2018   ?= https://mcauleylab.ucsd.edu/public_datasets/data/amazon_v2
SUBSET       ?= _5
FORMAT       ?= amazon2018
ITEMS        ?= $(AMAZON2018)/metaFiles2/meta_$(CATEGORY).json.gz
INTERACTIONS ?= $(AMAZON2018)/$(if $(SUBSET),categoryFilesSmall,categoryFiles)/$(CATEGORY)$(SUBSET).json.gz
